/* SPDX-License-Identifier: BSD-3-Clause */
/* The same program for a C++ compiler. */
#include "old_source_c.c"
