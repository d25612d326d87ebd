"""deploy/image/layout.py as a module, which is a script beside the Dockerfile."""

import importlib.util

from docs.markdown import ROOT

SCRIPT = ROOT / "deploy" / "image" / "layout.py"
_spec = importlib.util.spec_from_file_location("image_layout", SCRIPT)
layout = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(layout)
