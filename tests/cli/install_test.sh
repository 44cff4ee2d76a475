#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# make install: every file lands where it belongs.
. "$(dirname "$0")/lib.sh"

begin install_puts_files_below_destdir
expect_status 0 make install DESTDIR="$work/dest" PREFIX=/opt/t
vmoddir=$(pkg-config --variable=vmoddir varnishapi)
for f in /opt/t/bin/tinykvm /opt/t/include/kvm_api.h \
    /opt/t/share/man/man1/tinykvm.1 /opt/t/share/man/man3/vmod_tinykvm.3 \
    /opt/t/lib/tinykvm/programs/hello /opt/t/lib/tinykvm/programs/image \
    /opt/t/share/tinykvm/compute.json /opt/t/share/tinykvm/nodes.vcl \
    /opt/t/share/tinykvm/tinykvm.conf \
    /opt/t/share/doc/tinykvm/README.md \
    "$vmoddir/libvmod_tinykvm.so"; do
	[ -s "$work/dest$f" ] || wrong "there is no $f"
done
expect_status 0 "$work/dest/opt/t/bin/tinykvm" --version
has "$work/dest/opt/t/share/tinykvm/compute.json" \
    '"/opt/t/lib/tinykvm/programs/image"'
end
finish
