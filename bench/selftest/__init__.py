"""The selftest: faults are planted in real runs of the command line, and what is lost is counted.

plants.py      the plug-in with a tiny task, and models that die in every way
driver.py      `python -m bench run` as a process, begun, waited for, killed
processes.py   who is alive
tally.py       the count: runs lost, done twice, torn, wrong, changed, left behind
trial.py       what all scenarios share: a folder a trial, the commands in it, the count
kills.py  disk.py  models.py  clock.py  crowd.py     the faults
course.py      all of them, one after another
page.py        the table, from the record of a selftest alone
"""
