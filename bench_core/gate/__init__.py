"""Base against head in one job: two trees, their environments, launches, verdicts."""
