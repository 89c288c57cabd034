"""What happened and why: incidents, personal timelines, the four-step review, root causes."""
