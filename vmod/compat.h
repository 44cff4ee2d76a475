/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * compat.h: the Varnish headers, and the places where their releases differ.
 *
 * The module uses parts of Varnish that only "$ABI strict" promises (struct
 * http_conn, fetch filters), so it is built for one release at a time; this
 * file is what makes that a matter of compiling again.
 */
#ifndef COMPAT_H
#define COMPAT_H

#include "cache/cache_varnishd.h"
#include "cache/cache_filter.h"
#include "vcl.h"
#include "vre.h"
#include "vrt_obj.h"
#include "vsb.h"
#include "vtim.h"

#if VRT_MAJOR_VERSION < 15U
#error "this module needs Varnish 7.1 or newer (libvarnishapi-dev)"
#endif

/*
 * Until 7.2 Varnish logs every header of beresp itself once gethdrs is back;
 * logging them as they are set would log them twice.
 */
#if VRT_MAJOR_VERSION < 17U
#define COMPAT_CORE_LOGS_BERESP 1
#define COMPAT_NO_VXID 0
#else
#define COMPAT_CORE_LOGS_BERESP 0
#define COMPAT_NO_VXID NO_VXID
#endif

#endif
