"""`make demo`: the whole way of a task, on a mesh of its own in a temporary directory."""

from services.cli.demo.show import main as main
