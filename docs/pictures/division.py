"""Shares of three claims as the estate grows, under three rules."""

import matplotlib.pyplot as plt
import numpy as np
import sesgame as sg

claims = [100, 200, 300]
estates = np.linspace(0, 600, 241)
_, panels = plt.subplots(1, 3, figsize=(8, 2.8), sharey=True, layout="constrained")
for axes, rule in zip(panels, ["equal-awards", "equal-losses", "talmud"], strict=True):
    shares = [sg.divide(estate, claims, rule=rule).values for estate in estates]
    axes.plot(estates, shares, label=[f"claim {claim}" for claim in claims])
    axes.set_title(rule.replace("-", " "))
    axes.set_xlabel("estate")
panels[0].set_ylabel("share")
panels[0].legend(frameon=False)
