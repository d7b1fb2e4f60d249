"""What hostile texts of 100 KB cost to render: the slowest, in seconds of a core. `python -m bench.markdown`."""

import random
import time

from models.text import to_html

SIZE, MIXED = 100_000, 150
SIGNS = (
    "![ [ [a]( _a__ > >| -| *| 1.| *a_**b *a__b ` `` < <!-- --> <a| & [^1] [^1]:| | ~ ~~a| http:// www. a@b. ( ]( [] "
    "[a] [a]:b\n | |a|\n -|[|] ||| [!NOTE] # *** _* **a* 漢字 <x> ![a](//b) [![a](//b)](c) ``` ~~~python |-|\n "
    "[^a]\n\n[^a]:b [^1]:b\n\n[^1] \\ &lt;!-- \n> [*a]( --"
)


def patterns() -> list[str]:
    """Return single signs, and mixtures that are the same each time; `|` at an end stands for a space."""
    chance = random.Random(3)
    single = [sign.replace("|", " ") if sign.endswith("|") else sign for sign in SIGNS.split(" ") if sign]
    return [*single, *("".join(chance.choices(single, k=chance.randint(2, 4))) for _ in range(MIXED)), ">" * 990 + "\n"]


def seconds(markdown: str) -> float:
    """Return how long a core works at one text."""
    began = time.process_time()
    to_html(markdown)
    return time.process_time() - began


if __name__ == "__main__":
    tried = []
    for sign in patterns():
        half = SIZE // 2 // len(sign)
        texts = (sign * (SIZE // len(sign)), f"a{sign}" * (SIZE // (len(sign) + 1)), sign * half + sign[::-1] * half)
        tried.append((max(map(seconds, texts)), sign[:30]))
    for took, sign in sorted(tried, reverse=True)[:10]:
        print(f"{took:.3f}  {sign!r}")
