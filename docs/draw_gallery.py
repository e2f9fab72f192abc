"""Draws the pictures of the gallery from the code on its pages: ``python docs/draw_gallery.py [PAGE ...]``."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path

GALLERY = Path(__file__).parent / "gallery"


def draw(page: Path) -> list[Path]:
    """Run the code of a page in an empty folder and keep the SVG files that it writes."""
    code = "\n".join(re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        exec(compile(code, str(page), "exec"), {"__name__": "__main__"})
        made = sorted(Path(folder).glob("*.svg"))
        return [GALLERY / one.name for one in made if (GALLERY / one.name).write_bytes(one.read_bytes())]


if __name__ == "__main__":
    names = sys.argv[1:] or sorted(page.name for page in GALLERY.glob("*.md"))
    for name in names:
        for picture in draw(GALLERY / name):
            print(picture.name)
