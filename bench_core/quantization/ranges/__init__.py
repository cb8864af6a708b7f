"""The range methods, one a file; a file that is laid here is found."""
