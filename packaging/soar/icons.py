"""The two pictures of the package, drawn here: a tree of conditions that ends in a match, and, where there is room, the name.

    packaging/soar/icons.py FOLDER          writes app_logo.png (200x72) and company_logo.png (100x100)

Python 3, standard library only.
SPDX-License-Identifier: Apache-2.0
"""
import os
import struct
import sys
import zlib

PAPER, INK, MATCH, REST = (255, 255, 255), (22, 45, 80), (200, 38, 50), (150, 163, 180)
LETTERS = {  # 5 columns, 8 rows, the two last below the line
    "p": ".....|.....|####.|#...#|#...#|####.|#....|#....", "t": ".#...|.#...|####.|.#...|.#..#|..##.|.....|.....",
    "v": ".....|.....|#...#|#...#|.#.#.|..#..|.....|.....", "e": ".....|.....|.###.|#####|#....|.###.|.....|.....",
    "r": ".....|.....|#.##.|##..#|#....|#....|.....|.....", "d": "....#|....#|.####|#...#|#...#|.####|.....|.....",
    "i": "..#..|.....|.##..|..#..|..#..|.###.|.....|.....", "c": ".....|.....|.###.|#....|#....|.###.|.....|.....",
}


class Picture:
    def __init__(self, width, height):
        self.width, self.height = width, height
        self.pixels = [[PAPER] * width for _ in range(height)]

    def paint(self, color, inside, box):
        """Paint where inside(x, y) holds; edges are smoothed by nine samples a pixel."""
        for y in range(max(0, int(box[1])), min(self.height, int(box[3]) + 1)):
            for x in range(max(0, int(box[0])), min(self.width, int(box[2]) + 1)):
                share = sum(inside(x + (i + .5) / 3, y + (j + .5) / 3) for i in range(3) for j in range(3)) / 9
                self.pixels[y][x] = tuple(round(new * share + old * (1 - share)) for new, old in zip(color, self.pixels[y][x]))

    def disc(self, color, cx, cy, r):
        self.paint(color, lambda x, y: (x - cx) ** 2 + (y - cy) ** 2 <= r * r, (cx - r, cy - r, cx + r, cy + r))

    def line(self, color, ax, ay, bx, by, width):
        def near(x, y):
            along = max(0, min(1, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2)))
            return (x - ax - along * (bx - ax)) ** 2 + (y - ay - along * (by - ay)) ** 2 <= width * width / 4
        self.paint(color, near, (min(ax, bx) - width, min(ay, by) - width, max(ax, bx) + width, max(ay, by) + width))

    def text(self, color, text, left, top, dot):
        for n, letter in enumerate(text):
            for row, cells in enumerate(LETTERS[letter].split("|")):
                for column, cell in enumerate(cells):
                    x, y = left + (n * 6 + column) * dot, top + row * dot
                    if cell == "#":
                        self.paint(color, lambda a, b, x=x, y=y: x <= a < x + dot and y <= b < y + dot, (x, y, x + dot, y + dot))

    def tree(self, left, top, size):
        """Condition, two below it, three below those; the way to the match is red."""
        at = lambda x, y: (left + x * size, top + y * size)  # noqa: E731
        for a, b, color in (((.5, .12), (.28, .5), INK), ((.5, .12), (.72, .5), MATCH), ((.28, .5), (.12, .88), INK),
                            ((.28, .5), (.5, .88), INK), ((.72, .5), (.88, .88), MATCH)):
            self.line(color, *at(*a), *at(*b), size * .05)
        for x, y, color in ((.5, .12, INK), (.28, .5, INK), (.72, .5, INK), (.12, .88, REST), (.5, .88, REST), (.88, .88, MATCH)):
            self.disc(color, *at(x, y), size * .115)

    def png(self):
        rows = b"".join(b"\0" + bytes(value for pixel in row for value in pixel) for row in self.pixels)

        def chunk(kind, data):
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)) +
                chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def app_logo():
    picture = Picture(200, 72)
    picture.tree(8, 9, 54)
    picture.text(INK, "ptverdict", 76, 29, 2)
    return picture.png()


def company_logo():
    picture = Picture(100, 100)
    picture.tree(10, 10, 80)
    return picture.png()


if __name__ == "__main__":
    for name, made in (("app_logo.png", app_logo()), ("company_logo.png", company_logo())):
        with open(os.path.join(sys.argv[1], name), "wb") as f:
            f.write(made)
