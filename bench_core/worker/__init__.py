"""A contender's own process, for any interpreter: also for one whose bench_core is another.

The gate times the revision before a change with these files and not with its own, so that what
measures is the same on both sides and only what is measured differs. So here a relative import
is ours, whoever runs us (`..wire`, `..hardware`), and `bench_core.…` is the side's own: its
`discover`, and the nouns that it deals in. All else is the standard library and NumPy.
"""
