/* SPDX-License-Identifier: MIT */
/* The ISUP message inside a SIP one (RFC 3204, RFC 3372; ITU-T Q.763, Q.1912.5): type, called number,
 * release cause. For records; nothing opens or closes by it. */
#ifndef RINGFENCE_SIP_ISUP_H
#define RINGFENCE_SIP_ISUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define ISUP_DIGITS 32

/* ITU-T Q.763 table 4 */
enum isup_type {
	ISUP_NONE = 0,
	ISUP_IAM = 0x01,
	ISUP_REL = 0x0c,
};

struct isup {
	uint8_t type;                /* as on the wire; 0: none                       */
	uint8_t cause;               /* REL: ITU-T Q.850; 0: none that could be read  */
	uint8_t digit_count;         /* IAM                                           */
	uint8_t digits[ISUP_DIGITS]; /* text: 0-9, B to E as the codes 11 to 14       */
};

/* `is_ansi`: by ANSI T1.113, whose IAM has other mandatory parameters. What cannot be read stays
 * zero: a body that is opaque to the phones is no fault of theirs. */
void isup_read(struct slice bytes, bool is_ansi, struct isup *ret);

#endif
