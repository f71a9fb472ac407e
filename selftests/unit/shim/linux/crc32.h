/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's crc32_le(), bit by bit. */
#ifndef _SHIM_CRC32_H
#define _SHIM_CRC32_H

static inline u32 crc32_le(u32 crc, const unsigned char *p, size_t len)
{
	int bit;

	while (len--) {
		crc ^= *p++;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return crc;
}

#endif /* _SHIM_CRC32_H */
