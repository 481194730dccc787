"""`python -m bot.digest.typesetting`: an order as JSON on standard input, the PDF on standard output.

Owns the one call of typst, which asks neither the network nor the system's fonts. Of the inputs the first that fits is taken.
"""

from __future__ import annotations

import sys

import msgspec
import typst

from bot.digest.children import tell_and_end
from bot.digest.pdf import Order


class TooLong(Exception):
    """Even the closest setting needs more pages."""


def main() -> None:
    """Set what is ordered. A fault is told in one line on standard error, with exit code 1."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=list(order.fonts))
    sys.stdout.buffer.write(_pdf(order, fonts))


def _pdf(order: Order, fonts: typst.Fonts) -> bytes:
    pages = 0
    for given in order.inputs:
        layout = order.layout.encode()
        compiler = typst.Compiler(layout, font_paths=fonts, sys_inputs=given)
        pages = int(compiler.query("<pages>", field="value", one=True))
        if pages <= order.pages:
            # PDF/UA-1: headings, tables and pictures can be read aloud.
            made = compiler.compile(layout, format="pdf", timestamp=order.made_at, pdf_standards="ua-1")
            if isinstance(made, bytes):
                return made
    raise TooLong(f"its tables and notes fill {pages} pages instead of {order.pages}")


if __name__ == "__main__":
    try:
        main()
    except (typst.TypstError, TooLong, OSError, ValueError) as fault:
        tell_and_end(fault)
