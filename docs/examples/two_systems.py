"""Two systems in one process; one is stopped, the other keeps running."""

from __future__ import annotations

from backburner.actors import TaskSystem


def main() -> None:
    """Stop one system while the other keeps running."""
    with TaskSystem(name="builds") as builds:
        with TaskSystem(name="backups", slots=1, grace=1.0) as backups:
            build = builds.add("Build", "sleep", "500ms")
            backups.add("Backup", "sleep", "1h")
            print(f"one id each: {build.id} and {backups.list()[0].id}")
        print("the backups are stopped")
        (ended,) = builds.wait(build.id, timeout=60)
        print(f"the build is {ended.status}")


if __name__ == "__main__":
    main()
