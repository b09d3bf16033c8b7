/* SPDX-License-Identifier: MIT */
/* What messages in any order are drawn with: the same ones in each run of a seed. */
#ifndef RINGFENCE_TESTS_GOLDEN_RANDOM_H
#define RINGFENCE_TESTS_GOLDEN_RANDOM_H

#include <stdint.h>

#define MESSAGES 30000
#define LENGTH(array) (sizeof(array) / sizeof(*(array)))
#define PICK(array) (array)[draw(LENGTH(array))]

static uint32_t seed;

static inline uint32_t draw(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u; /* Numerical Recipes' constants */
	return (seed >> 8) % below;
}

#endif
