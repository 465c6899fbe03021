"""Helpers for calling nbgrader: its settings, its database URL, its log messages."""
