"""The steps of post-training quantisation on a graph; `ptq.py` says in which order."""
