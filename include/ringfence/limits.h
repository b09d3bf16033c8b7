/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Every bound in one place. A number that a stranger's bytes can reach belongs here. */
#ifndef RINGFENCE_LIMITS_H
#define RINGFENCE_LIMITS_H

/* Fast path */
#define LIMIT_VLAN_TAGS 2
#define LIMIT_IPV6_EXTENSIONS 6          /* headers walked before a packet is refused     */
#define LIMIT_HEADER_BYTES 256           /* IPv6 header and extensions of one packet      */
#define LIMIT_PUNT_BYTES 9216            /* one datagram in the punt ring, L3 header and all */
#define LIMIT_RING_BYTES (1u << 22)      /* each punt ring                                */
/* Kernel maps hold whatever the rows may ask for: a flow a door and a lock, a pinhole a door. */
#define LIMIT_FLOWS (LIMIT_CALLS * 12)   /* exact flows in the kernel                     */
#define LIMIT_PINHOLES (LIMIT_CALLS * 8)
#define LIMIT_NEAR_BITS 17               /* sets of four, twice as many ways as flows     */
#define LIMIT_SLOTS (LIMIT_FLOWS + LIMIT_PINHOLES)
#define LIMIT_SOURCES 65536u
#define LIMIT_BLOCKS 1024u               /* operators' own entries; each is one in every zone */
#define LIMIT_INTERFACES 64u
#define LIMIT_INTERFACE_ZONES 64u        /* a power of two; others are asked of attachments */
#define LIMIT_ATTACHMENTS 1024u          /* interface and VLAN pairs that are in a zone   */
#define LIMIT_NETWORKS 4096u             /* prefixes of all zones                         */
#define LIMIT_LOCAL_ADDRESSES 1024u      /* addresses of this host                        */
#define LIMIT_SOURCE_BUCKETS 16384u      /* sources whose rate is remembered              */
#define LIMIT_DROP_EVENTS 10             /* a second and CPU                              */
#define LIMIT_SERVICES 512u              /* zones x ports x (UDP, TCP) that are signalling */

/* Fragments: unfinished datagrams, of all sources and of one (IPv6: a /64); each takes 66 KiB. */
#define LIMIT_FRAGMENT_DATAGRAMS 128
#define LIMIT_FRAGMENT_SOURCE 8
#define LIMIT_FRAGMENT_PIECES 64         /* of one datagram                               */
#define LIMIT_FRAGMENT_TINY 256          /* bytes of data; only the last piece may be less */

/* Signalling over TCP */
#define LIMIT_STREAMS 16384              /* connections; two sockets each                 */
#define LIMIT_STREAM_WINDOW 16           /* messages of one direction that are judged     */
#define LIMIT_STREAM_QUEUE (128u << 10)  /* bytes that wait for a receiver: no more is read */
#define LIMIT_STREAM_BYTES (64u << 20)   /* of all connections; strangers have half       */
#define LIMIT_STREAM_EVENTS 128          /* sockets served in a round                     */

/* Policy */
#define LIMIT_ZONES 31                  /* zone 0 and these fit a 32-bit set           */
#define LIMIT_ZONE_NETWORKS 32
#define LIMIT_ZONE_INTERFACES 16
#define LIMIT_SERVERS 128
#define LIMIT_SERVER_ADDRESSES 16
#define LIMIT_SERVES 16
#define LIMIT_SERVER_NAMES 4
#define LIMIT_HOST_BYTES 64
#define LIMIT_RULES 256
#define LIMIT_NAME_BYTES 32
#define LIMIT_NAT_RULES 64
#define LIMIT_NAT_HOSTS 8
#define LIMIT_NAT_POOL 16               /* addresses to hide behind                    */

/* Messages */
#define LIMIT_MESSAGE_BYTES 65535
#define LIMIT_ARENA_BYTES (256u << 10)   /* working memory of one judgement               */
#define LIMIT_SIP_HEADERS 256
#define LIMIT_SIP_HEADER_VALUES 64       /* values of one kind: Via, Contact, Route       */
#define LIMIT_MGCP_PARAMETERS 128        /* parameter lines of one message                */
#define LIMIT_MGCP_CONFIRMED 6           /* transactions that one K: confirms; others are kept */
#define LIMIT_MGCP_NAME_BYTES 128        /* local name of an endpoint                     */
#define LIMIT_SDP_MEDIA 16               /* m= lines                                      */
#define LIMIT_SDP_FORMATS 64             /* formats of one m= line                        */
#define LIMIT_SDP_LINES 1024
#define LIMIT_ICE_CANDIDATES 8           /* of one m= line and side that may have a door  */
#define LIMIT_ICE_HOSTS 4                /* of the other side that may send to each       */
#define LIMIT_ICE_DOORS 32               /* of one description; none where it has many lines */

/* Judgement */
#define LIMIT_WANTS 12                   /* keys or leases of one round                   */
#define LIMIT_WANT_ROUNDS 2
#define LIMIT_SUBJECTS 1024              /* rows handed to one judgement                  */
#define LIMIT_CHANGES 256                /* row changes of one batch                      */
#define LIMIT_PRECONDITIONS 64
#define LIMIT_EDITS 128
#define LIMIT_MENTIONS 96                /* places of one message that name an address    */
#define LIMIT_NAT_NEW 64                 /* mappings that one message may begin           */
#define LIMIT_NAT_PROBES 256             /* ports looked at for one that is free          */
#define LIMIT_NAT_QUARANTINE_NS 30000000000ull /* before a port that was given back is given out */
#define LIMIT_SENDS 4
#define LIMIT_ANSWERS 500                /* to refused messages, a second                 */
#define LIMIT_ANSWER_BYTES 4096
#define LIMIT_REJUDGE 3                  /* judgements of one message whose batch is void */
#define LIMIT_PENDING 1024               /* datagrams that wait, of all calls             */
#define LIMIT_CALL_QUEUE 16              /* messages of one call that wait for a batch    */

/* Cluster */
#define LIMIT_MEMBERS 8
#define LIMIT_IN_FLIGHT 4096             /* batches of ours that have not come back           */
#define LIMIT_GROUP_BYTES (64u << 10)    /* of one message to the group: many batches         */
#define LIMIT_GROUP_QUEUE (4u << 20)     /* bytes that wait for the group to take them        */
#define LIMIT_JOIN_BYTES (256u << 20)    /* rows that a joiner was sent, or decisions meanwhile */

/* Rows */
#define LIMIT_CALLS 16384u
#define LIMIT_DIALOGS_PER_CALL 32
#define LIMIT_CONTACTS 12                /* of one user: what a 2xx changes fits LIMIT_CHANGES */
#define LIMIT_REGISTRATIONS 400          /* from one host: fits LIMIT_SUBJECTS            */
#define LIMIT_CHALLENGES 4               /* of one response (RFC 8760 2.4) that are followed */
#define LIMIT_MGCP_CONNECTIONS 960       /* of one gateway: all of them fit LIMIT_SUBJECTS */
#define LIMIT_JOURNAL 512                /* row changes that wait to be written to their maps */
#define LIMIT_TEXT_BYTES 256             /* Call-ID; longer ones are refused              */
#define LIMIT_TAG_BYTES 128

#endif
