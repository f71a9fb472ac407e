// SPDX-License-Identifier: GPL-2.0-only
/* What may have been meant by a word that nobody knows. */
#include <stdio.h>
#include <string.h>
#include "sluice.h"

#define NEAR_LONG 32

static unsigned int least(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int m = a < b ? a : b;

	return m < c ? m : c;
}

/* How many letters have to be changed, put in or left out; two that changed places are one. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int d[NEAR_LONG + 1][NEAR_LONG + 1];
	size_t la = strlen(a), lb = strlen(b), i, k;

	if (la > NEAR_LONG || lb > NEAR_LONG)
		return NEAR_LONG;
	for (i = 0; i <= la; i++)
		d[i][0] = i;
	for (k = 0; k <= lb; k++)
		d[0][k] = k;
	for (i = 1; i <= la; i++) {
		for (k = 1; k <= lb; k++) {
			d[i][k] = least(d[i - 1][k] + 1, d[i][k - 1] + 1,
					d[i - 1][k - 1] + (a[i - 1] != b[k - 1]));
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] &&
			    d[i - 2][k - 2] + 1 < d[i][k])
				d[i][k] = d[i - 2][k - 2] + 1;
		}
	}
	return d[la][lb];
}

void near_try(struct near *n, const char *candidate)
{
	unsigned int far = distance(n->word, candidate);
	size_t len = strlen(n->word);

	/* One of a short word's letters, two of a longer one's. */
	if (far > (len < 4 ? 1U : 2U) || far >= len || (n->best && far >= n->far))
		return;
	n->best = candidate;
	n->far = far;
}

const char *near_text(const struct near *n)
{
	static char text[96];

	text[0] = '\0';
	if (n->best)
		snprintf(text, sizeof(text), ": did you mean '%s'?", n->best);
	return text;
}
