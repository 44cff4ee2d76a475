/* SPDX-License-Identifier: BSD-2-Clause */
/* A program made with the header of 10 March 2025. */
#define OLD_STORAGE 0
#define ADNS 1
#define PAUSED 0
#define SOCKETS 0
#define RETURNS ""
#define RESPONSE backend_response
#define REQUEST_BYTES 0
#define SOCKET_IDS 1
#define VCPUREQID 0
#include "http_old.h"
