/* SPDX-License-Identifier: BSD-3-Clause */
/* The smallest program that says something about the library it runs with.
 * Compiled as C and as C++. */
#include <rsmapi.h>
#include <rsmx.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    rsmapi_controller_handle_t controller;
    char name[] = "loopback";
    int rc;

    if (strcmp(rsmx_version(), RSMX_VERSION_STRING) != 0) {
        fprintf(stderr, "compiled with %s, runs with %s\n", RSMX_VERSION_STRING,
                rsmx_version());
        return EXIT_FAILURE;
    }

    rc = rsm_get_controller(name, &controller);
    if (rc == RSM_SUCCESS) {
        rc = rsm_release_controller(controller);
    }
    if (rc != RSM_SUCCESS) {
        fprintf(stderr, "%s: %s\n", rsmx_error_name(rc), rsmx_strerror(rc));
        return EXIT_FAILURE;
    }

    printf("librsm %s\n", rsmx_version());
    return EXIT_SUCCESS;
}
