"""How a gate decides, from launch values alone, and how it is shown.

rule       what is asked for, and when it is looked at
launches   the trimmed mean of launch values, its t, Holm
screen confirm control    the stages, and whether the session can be believed
protocol   the stages in their order, wherever launches come from
beside_time    bytes, tasks, readings
result     all of it on paper; words and outcome say it; report, markdown, junit show it
replay calibration    how often it is wrong
"""
