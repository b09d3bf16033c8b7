/* SPDX-License-Identifier: MIT */
/* Why a message cannot be read, and where: what every parser hands back beside its errno. */
#ifndef RINGFENCE_FAULT_H
#define RINGFENCE_FAULT_H

#include <stdint.h>

#include <ringfence/reason.h>

struct fault {
	enum reason reason;
	uint32_t at;                /* byte of the bytes parsed that the reason points to */
};

#endif
