"""Duels between the ways to run a deep-learning model. The floor plan; arrows only point down.

cli.py  plugin.py   the `bench` command; pytest's options, one test per cell, the skips
gate/               base against head in one job: revisions, launches, verdicts
studies/            experiments whose tables the README shows
sweep/              which cells there are, and one cell from start to end; the journal, the file
duel/               two contenders in processes of their own, timed in turn
worker/             what runs in a contender's process, whoever's bench_core it measures
modes/              ways to run a model, one family a file, found by being there
models/             models with their real tasks, one a file, found by being there
given/              models of the user's own: a factory, a directory, an .onnx file
runtimes/           what modes share of a runtime: sessions, exports, the float64 oracle
quantization/       our own quantiser: the mathematics, the flow, the lowering
fusion/             batch norms folded, in a graph of torch.fx or torch.export
onnx_graph/         our own passes over ONNX graphs
analysis/           the judging wing: statistics, comparison, report; from records alone
hardware/           the machine
discover.py         finds models and modes
wire.py interpreter.py  messages between processes; fresh interpreters
cache_folder.py     where what is worth keeping lies
interruption.py     Ctrl-C and SIGTERM
mode.py model.py runner.py cell.py record.py errors.py      the nouns
"""
