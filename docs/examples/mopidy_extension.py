"""What makes Mopidy start the frontend: an extension, found by its entry point.

    [project.entry-points."mopidy.ext"]
    scan = "mopidy_extension:Extension"

This needs Mopidy; the frontend itself does not.
"""

from __future__ import annotations

from mopidy import config, ext
from mopidy_frontend import ScanFrontend


class Extension(ext.Extension):
    """Registers the frontend and its configuration with Mopidy."""

    dist_name = "Mopidy-Scan"
    ext_name = "scan"
    version = "1.0"

    def get_default_config(self) -> str:
        """Return the section `scan` as it is without the user's word."""
        return "[scan]\nenabled = true\ncommand = mopidy local scan\n"

    def get_config_schema(self) -> config.ConfigSchema:
        """Return what may stand in that section."""
        schema = super().get_config_schema()
        schema["command"] = config.String()
        return schema

    def setup(self, registry: ext.Registry) -> None:
        """Name the frontend."""
        registry.add("frontend", ScanFrontend)
