"""The extension that makes Mopidy start the frontend, found by its entry point.

    [project.entry-points."mopidy.ext"]
    scan = "mopidy_extension:Extension"

The extension requires Mopidy; the frontend doesn't.
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
        """Return the defaults of the section `scan`."""
        return "[scan]\nenabled = true\ncommand = mopidy local scan\n"

    def get_config_schema(self) -> config.ConfigSchema:
        """Return the schema of that section."""
        schema = super().get_config_schema()
        schema["command"] = config.String()
        return schema

    def setup(self, registry: ext.Registry) -> None:
        """Register the frontend."""
        registry.add("frontend", ScanFrontend)
