"""Makes the fixtures `task_system` and `run_system` known to all tests below."""

pytest_plugins = ["backburner.actors.testing.plugin"]
