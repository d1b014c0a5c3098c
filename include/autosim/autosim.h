/* All of libautosim: from a trajectory to a free-energy profile along PC1. */
#ifndef AUTOSIM_AUTOSIM_H
#define AUTOSIM_AUTOSIM_H

#include <autosim/bias.h>
#include <autosim/campaign.h>
#include <autosim/engine.h>
#include <autosim/error.h>
#include <autosim/log.h>
#include <autosim/pbc.h>
#include <autosim/pca.h>
#include <autosim/pmf.h>
#include <autosim/report.h>
#include <autosim/samples.h>
#include <autosim/selection.h>
#include <autosim/slurm.h>
#include <autosim/superpose.h>
#include <autosim/topology.h>
#include <autosim/trajectory.h>
#include <autosim/windows.h>

#endif
