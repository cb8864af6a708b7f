"""What changed between saved runs, whose machines and hours may differ.

saved      a run of ours, or of pytest-benchmark, in one form
conditions match    whether times compare at all, and which cells are the same
spread latency task changes    how large a change is one
files report table duel_offer    the verb: which files, what it shows, who decides
"""
