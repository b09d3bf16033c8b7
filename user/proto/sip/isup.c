// SPDX-License-Identifier: MIT
/* Reads of an ISUP message what people ask of a call. Every pointer is a stranger's: each is checked
 * against the body before it is followed.
 *
 *   type | fixed parameters | pointer to each variable one | pointer to the optional ones | ...
 *   a pointer counts from its own octet; a parameter begins with its length (ITU-T Q.763 1.1, 1.2)
 */
#include "proto/sip/isup.h"

#include "base/reader.h"

#define ITU_IAM_FIXED 5              /* ITU-T Q.763 table 32 */
#define ANSI_IAM_FIXED 4             /* ANSI T1.113: and user service information before the number */
#define END_OF_DIGITS 15             /* ITU-T Q.763 3.9 e: ST */

/* The variable parameter whose pointer stands at `at`; empty where it lies outside. */
static struct slice variable(struct slice bytes, size_t at)
{
	struct reader r = reader_make(slice_from(bytes, at));
	uint8_t pointer = reader_u8(&r);
	struct slice parameter;
	uint8_t length;

	if (r.failed || !pointer)
		return slice_make(bytes.bytes, 0);
	reader_skip(&r, pointer - 1u);
	length = reader_u8(&r);
	parameter = reader_take(&r, length);
	return r.failed ? slice_make(bytes.bytes, 0) : parameter;
}

/* ITU-T Q.763 3.9: two digits an octet, the first in the lower half; an odd number has a filler. */
static void read_number(struct slice parameter, struct isup *ret)
{
	bool is_odd;
	size_t count;

	if (parameter.length < 3)
		return;
	is_odd = parameter.bytes[0] & 0x80;
	count = (parameter.length - 2) * 2 - is_odd;
	if (count > ISUP_DIGITS)
		return;
	for (size_t i = 0; i < count; i++) {
		uint8_t digit = parameter.bytes[2 + i / 2] >> (i % 2 ? 4 : 0) & 15;

		if (digit == END_OF_DIGITS)
			return;
		ret->digits[ret->digit_count++] = (uint8_t)(digit < 10 ? '0' + digit :
								       'A' + digit - 10);
	}
}

/* ITU-T Q.763 3.12, Q.850 2.1: an octet with the top bit clear goes on in the next one. */
static void read_cause(struct slice parameter, struct isup *ret)
{
	size_t at = 0;

	while (at < parameter.length && at < 2 && !(parameter.bytes[at] & 0x80))
		at++;
	if (at + 1 < parameter.length)
		ret->cause = parameter.bytes[at + 1] & 0x7f;
}

void isup_read(struct slice bytes, bool is_ansi, struct isup *ret)
{
	size_t called = is_ansi ? 1 + ANSI_IAM_FIXED + 1 : 1 + ITU_IAM_FIXED;
	struct isup isup = { .type = ISUP_NONE };

	if (bytes.length)
		isup.type = bytes.bytes[0];
	if (isup.type == ISUP_IAM)
		read_number(variable(bytes, called), &isup);
	else if (isup.type == ISUP_REL)
		read_cause(variable(bytes, 1), &isup);
	*ret = isup;
}
