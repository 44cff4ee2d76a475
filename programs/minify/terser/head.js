// SPDX-License-Identifier: BSD-2-Clause
globalThis.self = globalThis;
