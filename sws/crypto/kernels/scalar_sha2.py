# SPDX-License-Identifier: Apache-2.0 OR MIT
"""SHA-2 on machine-sized integers, for PyPy and mypyc.  Written by `emit_sha2.py`, which explains it.

Timing: as the readable twin, `sws.crypto.ref.sha2`.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from sws.crypto.hash_types import Octets, Sha2
from sws.crypto.kernels._tables_sha2 import K256, K512
from sws.crypto.kernels.block_hash import SHA224, SHA256, SHA384, SHA512, BlockHash, State

__all__ = ["SHA2", "compress_32", "compress_64"]

M: Final = 0xFFFFFFFF


def compress_32(state: State, data: Octets) -> State:
    """The state after whole 64-octet blocks, of SHA-224 and SHA-256."""
    octets = bytes(data)
    w = [0] * 64
    k = list(K256)
    p0, p1, p2, p3, p4, p5, p6, p7 = state
    for at in range(0, len(octets), 64):
        for t in range(16):
            i = at + 4 * t
            w[t] = octets[i] << 24 | octets[i + 1] << 16 | octets[i + 2] << 8 | octets[i + 3]
        for t in range(16, 64):
            x = w[t - 15]
            y = w[t - 2]
            s0 = ((x >> 7 | x << 25) ^ (x >> 18 | x << 14) ^ x >> 3) & M
            s1 = ((y >> 17 | y << 15) ^ (y >> 19 | y << 13) ^ y >> 10) & M
            w[t] = w[t - 16] + s0 + w[t - 7] + s1 & M
        a, b, c, d, e, f, g, h = p0, p1, p2, p3, p4, p5, p6, p7
        for t in range(0, 64, 8):
            s1 = ((e >> 6 | e << 26) ^ (e >> 11 | e << 21) ^ (e >> 25 | e << 7)) & M
            h += s1 + (g ^ e & (f ^ g)) + k[t + 0] + w[t + 0]
            d = d + h & M
            s0 = ((a >> 2 | a << 30) ^ (a >> 13 | a << 19) ^ (a >> 22 | a << 10)) & M
            h = h + s0 + (a & b | c & (a | b)) & M
            s1 = ((d >> 6 | d << 26) ^ (d >> 11 | d << 21) ^ (d >> 25 | d << 7)) & M
            g += s1 + (f ^ d & (e ^ f)) + k[t + 1] + w[t + 1]
            c = c + g & M
            s0 = ((h >> 2 | h << 30) ^ (h >> 13 | h << 19) ^ (h >> 22 | h << 10)) & M
            g = g + s0 + (h & a | b & (h | a)) & M
            s1 = ((c >> 6 | c << 26) ^ (c >> 11 | c << 21) ^ (c >> 25 | c << 7)) & M
            f += s1 + (e ^ c & (d ^ e)) + k[t + 2] + w[t + 2]
            b = b + f & M
            s0 = ((g >> 2 | g << 30) ^ (g >> 13 | g << 19) ^ (g >> 22 | g << 10)) & M
            f = f + s0 + (g & h | a & (g | h)) & M
            s1 = ((b >> 6 | b << 26) ^ (b >> 11 | b << 21) ^ (b >> 25 | b << 7)) & M
            e += s1 + (d ^ b & (c ^ d)) + k[t + 3] + w[t + 3]
            a = a + e & M
            s0 = ((f >> 2 | f << 30) ^ (f >> 13 | f << 19) ^ (f >> 22 | f << 10)) & M
            e = e + s0 + (f & g | h & (f | g)) & M
            s1 = ((a >> 6 | a << 26) ^ (a >> 11 | a << 21) ^ (a >> 25 | a << 7)) & M
            d += s1 + (c ^ a & (b ^ c)) + k[t + 4] + w[t + 4]
            h = h + d & M
            s0 = ((e >> 2 | e << 30) ^ (e >> 13 | e << 19) ^ (e >> 22 | e << 10)) & M
            d = d + s0 + (e & f | g & (e | f)) & M
            s1 = ((h >> 6 | h << 26) ^ (h >> 11 | h << 21) ^ (h >> 25 | h << 7)) & M
            c += s1 + (b ^ h & (a ^ b)) + k[t + 5] + w[t + 5]
            g = g + c & M
            s0 = ((d >> 2 | d << 30) ^ (d >> 13 | d << 19) ^ (d >> 22 | d << 10)) & M
            c = c + s0 + (d & e | f & (d | e)) & M
            s1 = ((g >> 6 | g << 26) ^ (g >> 11 | g << 21) ^ (g >> 25 | g << 7)) & M
            b += s1 + (a ^ g & (h ^ a)) + k[t + 6] + w[t + 6]
            f = f + b & M
            s0 = ((c >> 2 | c << 30) ^ (c >> 13 | c << 19) ^ (c >> 22 | c << 10)) & M
            b = b + s0 + (c & d | e & (c | d)) & M
            s1 = ((f >> 6 | f << 26) ^ (f >> 11 | f << 21) ^ (f >> 25 | f << 7)) & M
            a += s1 + (h ^ f & (g ^ h)) + k[t + 7] + w[t + 7]
            e = e + a & M
            s0 = ((b >> 2 | b << 30) ^ (b >> 13 | b << 19) ^ (b >> 22 | b << 10)) & M
            a = a + s0 + (b & c | d & (b | c)) & M
        p0 = p0 + a & M
        p1 = p1 + b & M
        p2 = p2 + c & M
        p3 = p3 + d & M
        p4 = p4 + e & M
        p5 = p5 + f & M
        p6 = p6 + g & M
        p7 = p7 + h & M
    return (p0, p1, p2, p3, p4, p5, p6, p7)


def compress_64(state: State, data: Octets) -> State:
    """The state after whole 128-octet blocks, of SHA-384 and SHA-512."""
    octets = bytes(data)
    wh, wl = [0] * 80, [0] * 80
    kh, kl = [x >> 32 for x in K512], [x & M for x in K512]
    ph, pl = [x >> 32 for x in state], [x & M for x in state]
    for at in range(0, len(octets), 128):
        for t in range(16):
            i = at + 8 * t
            wh[t] = octets[i] << 24 | octets[i + 1] << 16 | octets[i + 2] << 8 | octets[i + 3]
            wl[t] = octets[i + 4] << 24 | octets[i + 5] << 16 | octets[i + 6] << 8 | octets[i + 7]
        for t in range(16, 80):
            xh, xl, yh, yl = wh[t - 15], wl[t - 15], wh[t - 2], wl[t - 2]
            s0h = ((xh >> 1 | xl << 31) ^ (xh >> 8 | xl << 24) ^ xh >> 7) & M
            s0l = ((xl >> 1 | xh << 31) ^ (xl >> 8 | xh << 24) ^ (xl >> 7 | xh << 25)) & M
            s1h = ((yh >> 19 | yl << 13) ^ (yl >> 29 | yh << 3) ^ yh >> 6) & M
            s1l = ((yl >> 19 | yh << 13) ^ (yh >> 29 | yl << 3) ^ (yl >> 6 | yh << 26)) & M
            low = wl[t - 16] + s0l + wl[t - 7] + s1l
            wl[t] = low & M
            wh[t] = wh[t - 16] + s0h + wh[t - 7] + s1h + (low >> 32) & M
        ah, bh, ch, dh, eh, fh, gh, hh = ph
        al, bl, cl, dl, el, fl, gl, hl = pl
        for t in range(0, 80, 8):
            s1h = ((eh >> 14 | el << 18) ^ (eh >> 18 | el << 14) ^ (el >> 9 | eh << 23)) & M
            s1l = ((el >> 14 | eh << 18) ^ (el >> 18 | eh << 14) ^ (eh >> 9 | el << 23)) & M
            low = hl + s1l + (gl ^ el & (fl ^ gl)) + kl[t + 0] + wl[t + 0]
            hh += s1h + (gh ^ eh & (fh ^ gh)) + kh[t + 0] + wh[t + 0] + (low >> 32)
            hl = low & M
            low = dl + hl
            dh = dh + hh + (low >> 32) & M
            dl = low & M
            s0h = ((ah >> 28 | al << 4) ^ (al >> 2 | ah << 30) ^ (al >> 7 | ah << 25)) & M
            s0l = ((al >> 28 | ah << 4) ^ (ah >> 2 | al << 30) ^ (ah >> 7 | al << 25)) & M
            low = hl + s0l + (al & bl | cl & (al | bl))
            hh = hh + s0h + (ah & bh | ch & (ah | bh)) + (low >> 32) & M
            hl = low & M
            s1h = ((dh >> 14 | dl << 18) ^ (dh >> 18 | dl << 14) ^ (dl >> 9 | dh << 23)) & M
            s1l = ((dl >> 14 | dh << 18) ^ (dl >> 18 | dh << 14) ^ (dh >> 9 | dl << 23)) & M
            low = gl + s1l + (fl ^ dl & (el ^ fl)) + kl[t + 1] + wl[t + 1]
            gh += s1h + (fh ^ dh & (eh ^ fh)) + kh[t + 1] + wh[t + 1] + (low >> 32)
            gl = low & M
            low = cl + gl
            ch = ch + gh + (low >> 32) & M
            cl = low & M
            s0h = ((hh >> 28 | hl << 4) ^ (hl >> 2 | hh << 30) ^ (hl >> 7 | hh << 25)) & M
            s0l = ((hl >> 28 | hh << 4) ^ (hh >> 2 | hl << 30) ^ (hh >> 7 | hl << 25)) & M
            low = gl + s0l + (hl & al | bl & (hl | al))
            gh = gh + s0h + (hh & ah | bh & (hh | ah)) + (low >> 32) & M
            gl = low & M
            s1h = ((ch >> 14 | cl << 18) ^ (ch >> 18 | cl << 14) ^ (cl >> 9 | ch << 23)) & M
            s1l = ((cl >> 14 | ch << 18) ^ (cl >> 18 | ch << 14) ^ (ch >> 9 | cl << 23)) & M
            low = fl + s1l + (el ^ cl & (dl ^ el)) + kl[t + 2] + wl[t + 2]
            fh += s1h + (eh ^ ch & (dh ^ eh)) + kh[t + 2] + wh[t + 2] + (low >> 32)
            fl = low & M
            low = bl + fl
            bh = bh + fh + (low >> 32) & M
            bl = low & M
            s0h = ((gh >> 28 | gl << 4) ^ (gl >> 2 | gh << 30) ^ (gl >> 7 | gh << 25)) & M
            s0l = ((gl >> 28 | gh << 4) ^ (gh >> 2 | gl << 30) ^ (gh >> 7 | gl << 25)) & M
            low = fl + s0l + (gl & hl | al & (gl | hl))
            fh = fh + s0h + (gh & hh | ah & (gh | hh)) + (low >> 32) & M
            fl = low & M
            s1h = ((bh >> 14 | bl << 18) ^ (bh >> 18 | bl << 14) ^ (bl >> 9 | bh << 23)) & M
            s1l = ((bl >> 14 | bh << 18) ^ (bl >> 18 | bh << 14) ^ (bh >> 9 | bl << 23)) & M
            low = el + s1l + (dl ^ bl & (cl ^ dl)) + kl[t + 3] + wl[t + 3]
            eh += s1h + (dh ^ bh & (ch ^ dh)) + kh[t + 3] + wh[t + 3] + (low >> 32)
            el = low & M
            low = al + el
            ah = ah + eh + (low >> 32) & M
            al = low & M
            s0h = ((fh >> 28 | fl << 4) ^ (fl >> 2 | fh << 30) ^ (fl >> 7 | fh << 25)) & M
            s0l = ((fl >> 28 | fh << 4) ^ (fh >> 2 | fl << 30) ^ (fh >> 7 | fl << 25)) & M
            low = el + s0l + (fl & gl | hl & (fl | gl))
            eh = eh + s0h + (fh & gh | hh & (fh | gh)) + (low >> 32) & M
            el = low & M
            s1h = ((ah >> 14 | al << 18) ^ (ah >> 18 | al << 14) ^ (al >> 9 | ah << 23)) & M
            s1l = ((al >> 14 | ah << 18) ^ (al >> 18 | ah << 14) ^ (ah >> 9 | al << 23)) & M
            low = dl + s1l + (cl ^ al & (bl ^ cl)) + kl[t + 4] + wl[t + 4]
            dh += s1h + (ch ^ ah & (bh ^ ch)) + kh[t + 4] + wh[t + 4] + (low >> 32)
            dl = low & M
            low = hl + dl
            hh = hh + dh + (low >> 32) & M
            hl = low & M
            s0h = ((eh >> 28 | el << 4) ^ (el >> 2 | eh << 30) ^ (el >> 7 | eh << 25)) & M
            s0l = ((el >> 28 | eh << 4) ^ (eh >> 2 | el << 30) ^ (eh >> 7 | el << 25)) & M
            low = dl + s0l + (el & fl | gl & (el | fl))
            dh = dh + s0h + (eh & fh | gh & (eh | fh)) + (low >> 32) & M
            dl = low & M
            s1h = ((hh >> 14 | hl << 18) ^ (hh >> 18 | hl << 14) ^ (hl >> 9 | hh << 23)) & M
            s1l = ((hl >> 14 | hh << 18) ^ (hl >> 18 | hh << 14) ^ (hh >> 9 | hl << 23)) & M
            low = cl + s1l + (bl ^ hl & (al ^ bl)) + kl[t + 5] + wl[t + 5]
            ch += s1h + (bh ^ hh & (ah ^ bh)) + kh[t + 5] + wh[t + 5] + (low >> 32)
            cl = low & M
            low = gl + cl
            gh = gh + ch + (low >> 32) & M
            gl = low & M
            s0h = ((dh >> 28 | dl << 4) ^ (dl >> 2 | dh << 30) ^ (dl >> 7 | dh << 25)) & M
            s0l = ((dl >> 28 | dh << 4) ^ (dh >> 2 | dl << 30) ^ (dh >> 7 | dl << 25)) & M
            low = cl + s0l + (dl & el | fl & (dl | el))
            ch = ch + s0h + (dh & eh | fh & (dh | eh)) + (low >> 32) & M
            cl = low & M
            s1h = ((gh >> 14 | gl << 18) ^ (gh >> 18 | gl << 14) ^ (gl >> 9 | gh << 23)) & M
            s1l = ((gl >> 14 | gh << 18) ^ (gl >> 18 | gh << 14) ^ (gh >> 9 | gl << 23)) & M
            low = bl + s1l + (al ^ gl & (hl ^ al)) + kl[t + 6] + wl[t + 6]
            bh += s1h + (ah ^ gh & (hh ^ ah)) + kh[t + 6] + wh[t + 6] + (low >> 32)
            bl = low & M
            low = fl + bl
            fh = fh + bh + (low >> 32) & M
            fl = low & M
            s0h = ((ch >> 28 | cl << 4) ^ (cl >> 2 | ch << 30) ^ (cl >> 7 | ch << 25)) & M
            s0l = ((cl >> 28 | ch << 4) ^ (ch >> 2 | cl << 30) ^ (ch >> 7 | cl << 25)) & M
            low = bl + s0l + (cl & dl | el & (cl | dl))
            bh = bh + s0h + (ch & dh | eh & (ch | dh)) + (low >> 32) & M
            bl = low & M
            s1h = ((fh >> 14 | fl << 18) ^ (fh >> 18 | fl << 14) ^ (fl >> 9 | fh << 23)) & M
            s1l = ((fl >> 14 | fh << 18) ^ (fl >> 18 | fh << 14) ^ (fh >> 9 | fl << 23)) & M
            low = al + s1l + (hl ^ fl & (gl ^ hl)) + kl[t + 7] + wl[t + 7]
            ah += s1h + (hh ^ fh & (gh ^ hh)) + kh[t + 7] + wh[t + 7] + (low >> 32)
            al = low & M
            low = el + al
            eh = eh + ah + (low >> 32) & M
            el = low & M
            s0h = ((bh >> 28 | bl << 4) ^ (bl >> 2 | bh << 30) ^ (bl >> 7 | bh << 25)) & M
            s0l = ((bl >> 28 | bh << 4) ^ (bh >> 2 | bl << 30) ^ (bh >> 7 | bl << 25)) & M
            low = al + s0l + (bl & cl | dl & (bl | cl))
            ah = ah + s0h + (bh & ch | dh & (bh | ch)) + (low >> 32) & M
            al = low & M
        low = pl[0] + al
        pl[0] = low & M
        ph[0] = ph[0] + ah + (low >> 32) & M
        low = pl[1] + bl
        pl[1] = low & M
        ph[1] = ph[1] + bh + (low >> 32) & M
        low = pl[2] + cl
        pl[2] = low & M
        ph[2] = ph[2] + ch + (low >> 32) & M
        low = pl[3] + dl
        pl[3] = low & M
        ph[3] = ph[3] + dh + (low >> 32) & M
        low = pl[4] + el
        pl[4] = low & M
        ph[4] = ph[4] + eh + (low >> 32) & M
        low = pl[5] + fl
        pl[5] = low & M
        ph[5] = ph[5] + fh + (low >> 32) & M
        low = pl[6] + gl
        pl[6] = low & M
        ph[6] = ph[6] + gh + (low >> 32) & M
        low = pl[7] + hl
        pl[7] = low & M
        ph[7] = ph[7] + hh + (low >> 32) & M
    return tuple([high << 32 | low for high, low in zip(ph, pl, strict=True)])


SHA2: Final = Sha2(
    partial(BlockHash, SHA224, compress_32),
    partial(BlockHash, SHA256, compress_32),
    partial(BlockHash, SHA384, compress_64),
    partial(BlockHash, SHA512, compress_64),
)
