"""The loops over single pixels that numpy can't do in one pass, compiled by numba on their first call and kept on the disk.

Imported where they are called, for numba takes its time to come in. All let go of the interpreter, so that threads run side by side.
"""
