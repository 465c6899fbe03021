"""The sandbox around a student's process.

The grader calls `probe` once and `launch` for each fork server. The fork server forks a child for each
submission; the child calls `enter` before it runs any student code, and afterwards the fork server calls
`kill_tree`. `Capabilities` says what this machine can enforce; with fewer of them, the sandbox still works
but protects less.
"""
