"""Attacks on the sandbox from inside, and what test_sandbox.py runs outside pytest to make them.

It uses only the standard library and a copy of the package beside this folder, so it runs on any Python 3.11:
an ordinary user may not be able to read the one that runs the tests.
"""
