"""What was promised and whether it holds: remediation items, verification checks, check runs."""
