"""
Benchmarks: how fast the tracker is, as ratios to a floor that is measured in the same run, round by round in turn.

    python -m tests.benchmarks            # every figure; the large ones take half an hour and 10 GB
    python -m tests.benchmarks --small    # the same in a minute, of less data
    python -m tests.benchmarks one bulk   # some of them
"""
