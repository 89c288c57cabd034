"""Judgement over the whole stream: audit, merge gate, monthly report."""
