/* SPDX-License-Identifier: BSD-2-Clause */
/* A program made with the header of 21 March 2025. */
#define OLD_STORAGE 0
#define ADNS 1
#define PAUSED 1
#define SOCKETS 0
#define RETURNS "\tret"
#define RESPONSE backend_response
#define REQUEST_BYTES 56
#define SOCKET_IDS 1
#define VCPUREQID 1
#include "http_old.h"
