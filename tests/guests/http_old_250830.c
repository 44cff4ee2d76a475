/* SPDX-License-Identifier: BSD-2-Clause */
/* A program made with the header of 30 August 2025. */
#define OLD_STORAGE 0
#define ADNS 0
#define PAUSED 2
#define SOCKETS 1
#define RETURNS "\tret"
#define RESPONSE sys_backend_response
#define REQUEST_BYTES 104
#define SOCKET_IDS 2
#define VCPUREQID 1
#include "http_old.h"
