/* SPDX-License-Identifier: BSD-2-Clause */
/* A program made with the header of 5 April 2025. */
#define OLD_STORAGE 0
#define ADNS 0
#define PAUSED 1
#define SOCKETS 0
#define RETURNS "\tret"
#define RESPONSE sys_backend_response
#define REQUEST_BYTES 56
#define SOCKET_IDS 0
#define VCPUREQID 1
#include "http_old.h"
