"""What cannot be true, one rule a file; a file that is laid here is found."""
