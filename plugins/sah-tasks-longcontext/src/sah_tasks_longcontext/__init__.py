"""Published long-context sets for `sah bench`. Light: imports no torch."""

from __future__ import annotations

from sah_core.plugins import RegisterNamed, RegisterTask, hookimpl

SAH_API_VERSION = 1

__all__ = ["SAH_API_VERSION", "sah_register_scorers", "sah_register_tasks"]


@hookimpl
def sah_register_tasks(register: RegisterTask) -> None:
    """Offer the sets as tasks."""
    from .aime.config import AIMEConfig
    from .infinitebench.config import InfiniteBenchConfig
    from .longbench.config import LongBenchConfig
    from .longbench_v2.config import LongBenchV2Config
    from .loogle.config import LoogleConfig
    from .zeroscrolls.config import ZeroScrollsConfig

    at = "sah_tasks_longcontext"
    register(LongBenchConfig, f"{at}.longbench.task:LongBench")
    register(LongBenchV2Config, f"{at}.longbench_v2.task:LongBenchV2")
    register(AIMEConfig, f"{at}.aime.task:AIME")
    register(InfiniteBenchConfig, f"{at}.infinitebench.task:InfiniteBench")
    register(LoogleConfig, f"{at}.loogle.task:Loogle")
    register(ZeroScrollsConfig, f"{at}.zeroscrolls.task:ZeroScrolls")


@hookimpl
def sah_register_scorers(register: RegisterNamed) -> None:
    """Offer the sets' scorers."""
    at = "sah_tasks_longcontext.scoring"
    register(
        "longbench_qa_f1",
        f"{at}.longbench:longbench_qa_f1",
        description="words in common with the nearest right answer",
    )
    register("longbench_qa_f1_zh", f"{at}.longbench:longbench_qa_f1_zh", description="the same, of Chinese words")
    register(
        "longbench_rouge", f"{at}.longbench:longbench_rouge", description="ROUGE-L against the nearest right answer"
    )
    register("longbench_rouge_zh", f"{at}.longbench:longbench_rouge_zh", description="the same, of Chinese words")
    register(
        "longbench_classification",
        f"{at}.longbench:longbench_classification",
        description="1 over the classes that the answer names, the right one among them",
    )
    register(
        "longbench_retrieval",
        f"{at}.longbench:longbench_retrieval",
        description="the share of numbers that are Paragraph N's",
    )
    register(
        "longbench_retrieval_zh",
        f"{at}.longbench:longbench_retrieval_zh",
        description="the share of numbers that are 段落N's",
    )
    register(
        "longbench_count", f"{at}.longbench:longbench_count", description="the share of numbers that are the right one"
    )
    register(
        "longbench_code_sim", f"{at}.longbench:longbench_code_sim", description="similarity of the first line of code"
    )
    register(
        "longbench_v2_choice",
        f"{at}.longbench_v2:longbench_v2_choice",
        description='1 where "The correct answer is" comes before the right letter',
    )
    register(
        "boxed_answer", f"{at}.boxed:boxed_answer", description=r"1 where the last \boxed{} holds the right number"
    )
    register(
        "infinitebench_passkey",
        f"{at}.infinitebench_retrieval:first_integer",
        description="1 where the first run of digits is right",
    )
    register(
        "infinitebench_number_string",
        f"{at}.infinitebench_retrieval:first_integer",
        description="1 where the first run of digits is right",
    )
    register(
        "infinitebench_kv_retrieval",
        f"{at}.infinitebench_retrieval:value",
        description="1 where the value is a word of the answer",
    )
    register(
        "infinitebench_longdialogue_qa_eng",
        f"{at}.infinitebench_books:character",
        description="1 where the name is a word of the answer",
    )
    register(
        "infinitebench_longbook_sum_eng",
        f"{at}.infinitebench_summary:summary",
        description="ROUGE-Lsum of the summary",
    )
    register(
        "infinitebench_longbook_choice_eng",
        f"{at}.infinitebench_books:choice",
        description="1 where the option that the answer names is right",
    )
    register(
        "infinitebench_longbook_qa_eng",
        f"{at}.infinitebench_books:english_answer",
        description="words in common with the nearest right answer",
    )
    register(
        "infinitebench_longbook_qa_chn",
        f"{at}.infinitebench_books:chinese_answer",
        description="characters in common with the nearest right answer",
    )
    register(
        "infinitebench_math_find",
        f"{at}.infinitebench_math:first_number",
        description="1 where the first number is right",
    )
    register(
        "infinitebench_math_calc",
        f"{at}.infinitebench_math:leading_values",
        description="the share of values before the first wrong one",
    )
    register(
        "infinitebench_code_run",
        f"{at}.infinitebench_code:last_integer",
        description="1 where the last word is the value",
    )
    register(
        "infinitebench_code_debug",
        f"{at}.infinitebench_code:wrong_function",
        description="1 where the letter or the function is named as asked",
    )
    register("loogle_rouge_1", f"{at}.loogle_rouge:rouge_1", description="the share of the right answer's words")
    register("loogle_rouge_2", f"{at}.loogle_rouge:rouge_2", description="the share of the right answer's word pairs")
    register(
        "loogle_rouge_l",
        f"{at}.loogle_rouge:rouge_l",
        description="the share of the right answer's words on common subsequences",
    )
    register("loogle_bleu_1", f"{at}.loogle_bleu:bleu_1", description="BLEU of words alone")
    register("loogle_bleu_4", f"{at}.loogle_bleu:bleu_4", description="BLEU of four words in a row alone")
    register(
        "loogle_cloze_exact", f"{at}.loogle_cloze:exact_match", description="the share of masks with the right name"
    )
    register(
        "loogle_cloze_partial",
        f"{at}.loogle_cloze:partial_match",
        description="the share of masks with a word of the right name",
    )
    register(
        "zeroscrolls_rouge",
        f"{at}.zeroscrolls_rouge:rouge",
        description="the geometric mean of ROUGE-1, ROUGE-2 and ROUGE-L",
    )
    register(
        "zeroscrolls_f1",
        f"{at}.zeroscrolls_answers:f1",
        description="words in common with the nearest right answer",
    )
    register(
        "zeroscrolls_accuracy",
        f"{at}.zeroscrolls_answers:accuracy",
        description="1 where the first letter from A to D is right",
    )
    register(
        "zeroscrolls_exponential_similarity",
        f"{at}.zeroscrolls_answers:exponential_similarity",
        description="half for every ten points between two percentages",
    )
    register(
        "zeroscrolls_concordance",
        f"{at}.zeroscrolls_answers:concordance",
        description="the share of pairs in the right order",
    )
