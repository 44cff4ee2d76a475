#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# tinykvm doctor: what is there, or what is missing and how to mend it.
. "$(dirname "$0")/lib.sh"

if needs_kvm host_is_told_in_words; then
	begin host_is_told_in_words
	expect_status 0 $tool doctor
	has "$OUT" "This computer can run programs."
	has "$OUT" "a round trip"
	end
fi

# Only root can become a user who may not.
if [ "$(id -u)" != 0 ] || [ -z "$kvm" ] ||
    [ $(($(stat -c 0%a /dev/kvm) & 6)) = 6 ]; then
	skip no_permission_names_the_group "this needs root, and a /dev/kvm" \
	    "that is closed to others"
else
	begin no_permission_names_the_group
	cp $tool "$work/tinykvm"
	chmod 755 "$work" "$work/tinykvm"
	expect_status 1 setpriv --reuid=65534 --regid=65534 --clear-groups \
	    "$work/tinykvm" doctor
	one_sentence
	has "$ERR" "usermod -aG kvm"
	end
fi

# A name space whose /dev has no kvm.
hide="mount -t tmpfs none /dev && exec"
if ! unshare -m sh -c "$hide true" 2>/dev/null; then
	skip missing_device_names_the_modules "this needs root and mount"
else
	begin missing_device_names_the_modules
	expect_status 1 unshare -m sh -c "$hide $tool doctor"
	one_sentence
	has "$ERR" "/dev/kvm"
	end
fi
finish
