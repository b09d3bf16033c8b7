/* SPDX-License-Identifier: MIT */
/* What protocols.def asks of SIP's folder. */
#ifndef RINGFENCE_SIP_PROTOCOL_H
#define RINGFENCE_SIP_PROTOCOL_H

#include "inspect/inspect.h"

extern const struct protocol_ops sip_protocol;

#endif
