"""Generates a small labelled dataset; nothing is downloaded."""

from segcli.steps.demo.command import DemoReport, make_demo

__all__ = ["DemoReport", "make_demo"]
