"""A campaign of windows for the stand-in gmx of tests/campaign, without simulations."""
import hashlib
import json
import os


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def make(folder, count, steps, microseconds_a_step, checkpoint_every=None, modes=None):
    """plan.json and windows/NNN/ with what campaign_gmx.c reads."""
    windows = []
    for i in range(count):
        mode = (modes or {}).get(i, "ok")
        tpr = (f"{steps} {max(steps // 10, 1)} {checkpoint_every or max(steps // 5, 1)} "
               f"{microseconds_a_step} 3 {mode}\n")
        bias = "bias\n"
        place = os.path.join(folder, "windows", f"{i:03d}")
        os.makedirs(place)
        for name, text in (("window.tpr", tpr), ("bias.edi", bias)):
            with open(os.path.join(place, name), "w") as out:
                out.write(text)
        windows.append({"window_id": i, "centre_nm": 0.01 * i,
                        "force_constant_kj_mol_nm2": 1000.0, "start_frame_index": i,
                        "start_time_ps": 0.0, "start_nm": 0.01 * i, "nsteps": steps,
                        "ld_seed": i + 1, "velocity_seed": i + 1,
                        "tpr_sha256": sha256(tpr), "bias_sha256": sha256(bias)})
    plan = {"plan_version": 1, "bias": "edi", "temperature_kelvin": 300.0,
            "spacing_nm": 0.01, "dt_ps": 0.002, "sample_steps": max(steps // 10, 1),
            "system_atom_count": 3, "force_error": 0.0, "force_error_max": 0.0,
            "seed": 1, "windows": windows}
    with open(os.path.join(folder, "plan.json"), "w") as out:
        json.dump(plan, out)


def hurry(folder):
    """From now on steps take no time: the test has seen what it wanted to see."""
    with open(os.path.join(folder, "hurry"), "w"):
        pass


if __name__ == "__main__":
    import sys
    make(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
