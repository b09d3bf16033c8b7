// SPDX-License-Identifier: MIT
/* The table of protocols, by number. */
#include "inspect/inspect.h"

#define PROTOCOL(name, number, ...) extern const struct protocol_ops name##_protocol;
#include "inspect/protocols.def"
#undef PROTOCOL

const struct protocol_ops *const protocols[] = {
#define PROTOCOL(name, number, ...) [number] = &name##_protocol,
#include "inspect/protocols.def"
#undef PROTOCOL
};

const uint32_t protocol_count = sizeof(protocols) / sizeof(*protocols);
