"""What in a results file cannot be true.

A file is read into rows (`table.py` typed ones, `run.py` saved ones), each rule (`rules/`, one a
file) looks at the rows that have what it reads, and `files.py` prints what it finds.
"""
