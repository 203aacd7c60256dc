"""What asv measures: at most 40 points, each quick. Run by `python -m bench perf`.

asv loads this folder as the package `benchmarks`, always from the present tree, while `roaf` and
`bench` come from the commit that is measured. So they are imported where they are needed, inside
`measured`: what a commit lacks is n/a there and stops nothing else. A benchmark's `version` goes up
when it measures something else than before; its history then starts anew.
"""
