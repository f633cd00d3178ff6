# SPDX-License-Identifier: BSD-3-Clause
"""The small real programs, with their MPI twins."""


def apps_round(run, folder, number):
    del run, folder, number
