"""What the source of a law in the sandbox may name: the one list that the check of the source and the worker's namespace both go by."""

from __future__ import annotations

__all__ = ["ABSTRACT", "ATTRIBUTES", "BUILTINS", "LAW_MODULES", "LAW_NAMES", "LINALG", "MATH", "MODULES", "NEVER", "NUMPY", "TYPING"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NUMPY = _words(
    """
    abs absolute add all allclose amax amin any arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin argsort
    around array asarray atleast_1d atleast_2d average bincount bool_ broadcast_arrays broadcast_to cbrt ceil clip column_stack
    concatenate convolve copysign cos cosh count_nonzero cross cumprod cumsum deg2rad degrees diag diff digitize divide dot e einsum
    equal errstate exp exp2 expand_dims expm1 eye fabs flatnonzero flip fliplr flipud float32 float64 float_power floor floor_divide
    fmax fmin fmod full full_like gradient greater greater_equal heaviside histogram hstack hypot identity indices inf inner int64
    interp intp isclose isfinite isinf isnan less less_equal lexsort linalg linspace log log10 log1p log2 logical_and logical_not
    logical_or logical_xor matmul max maximum mean median meshgrid mgrid min minimum mod modf moveaxis multiply nan nan_to_num
    nanmax nanmean nanmedian nanmin nanstd nansum ndarray ndim negative newaxis nonzero not_equal ogrid ones ones_like outer pad
    percentile pi polyfit polyval power prod ptp quantile rad2deg radians ravel reciprocal remainder repeat reshape rint roll rot90
    round searchsorted select shape sign signbit sin sinc sinh size sort sqrt square squeeze stack std subtract sum swapaxes take
    take_along_axis tan tanh tensordot tile transpose trapezoid tril tril_indices triu triu_indices true_divide trunc uint8 unique
    unwrap var vdot vstack where zeros zeros_like
    """
)
"""Functions of numpy that compute, and do nothing else."""

LINALG = frozenset({"cholesky", "det", "eigh", "eigvalsh", "inv", "lstsq", "norm", "pinv", "solve"})

MATH = _words(
    """
    acos acosh asin asinh atan atan2 atanh ceil copysign cos cosh degrees dist e erf erfc exp expm1 fabs floor fmod fsum hypot inf isclose
    isfinite isinf isnan log log10 log1p log2 nan pi pow radians remainder sin sinh sqrt tan tanh tau trunc
    """
)

LAW_NAMES = frozenset({"Bodies", "Contacts", "Discs", "Law", "Parameter", "State", "Values", "Wall"})
LAW_MODULES = frozenset({"kinescribe.dynamics", *(f"kinescribe.dynamics.{name}" for name in ("contacts", "law", "parameters", "state"))})
TYPING = frozenset({"Any"})
ABSTRACT = frozenset({"Mapping", "Sequence"})
MODULES = {
    "__future__": frozenset({"annotations"}), "collections.abc": ABSTRACT, "math": MATH, "numpy": NUMPY, "typing": TYPING,
    **dict.fromkeys(LAW_MODULES, LAW_NAMES),
}  # fmt: skip
"""What may be imported from where."""

BUILTINS = _words(
    """
    ArithmeticError False IndexError KeyError None NotImplementedError True ValueError ZeroDivisionError abs all any bool dict divmod
    enumerate filter float frozenset int isinstance len list map max min pow property range reversed round set slice sorted staticmethod
    str sum super tuple zip
    """
)

_ARRAYS = """
    T all any argmax argmin argsort astype clip copy cumprod cumsum diagonal dot dtype fill flatten item max mean min ndim nonzero prod
    ravel repeat reshape round searchsorted shape size sort squeeze std sum swapaxes take tolist trace transpose var outer reduce
    """
_CONTAINERS = "add append count extend get index insert items join keys lower pop remove reverse setdefault startswith strip update values"
_CONTRACT = """
    Bodies Contacts Discs Law Parameter State Values Wall acceleration constrained contacts data discs dynamics equation inputs kind labels
    make masses name names normal_x normal_y object_ids objects offset of on pairs parameters per potential project radius replace
    restitution friction rollout shapes size start starts static step threshold time_step title walls width height without keeping bounds
    x y angle vx vy angular_velocity bodies seen times sigma_x sigma_y sigma_angle impacts time wall unit columns at thinned first
    """
ATTRIBUTES = _words(_ARRAYS) | _words(_CONTAINERS) | _words(_CONTRACT) | NUMPY | LINALG | MATH
"""Attributes that may be read of anything; to these come the names that the source itself declares, unless they are in `NEVER`."""

NEVER = _words(
    """
    ag_await ag_code ag_frame ag_running co_code co_consts co_names cr_await cr_code cr_frame cr_origin cr_running f_back f_builtins
    f_code f_generator f_globals f_lasti f_lineno f_locals f_trace format format_map func_closure func_code func_globals gi_code gi_frame
    gi_running gi_suspended gi_yieldfrom mro tb_frame tb_lasti tb_lineno tb_next with_traceback add_note base ctypes ctypeslib dump dumps
    fromfile fromregex frompyfunc genfromtxt getfield load loads loadtxt memmap newbyteorder open open_memmap save savetxt savez
    savez_compressed setfield setflags system tobytes tofile tostring view
    """
)
"""Names that lead from a value to frames, code, memory or files, whoever declares them."""
