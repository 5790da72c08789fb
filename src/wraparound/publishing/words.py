"""The words around the data, in each language a coordinator may read them in.

Here is the interface. Sentences about a child come from the rules (see `sentences`), and names
of services from their providers, in the language they wrote them in.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wraparound.publishing.lists import Decision, Service

DEFAULT_LANGUAGE = "en"

WEEKDAYS = {
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "es": "lunes martes miércoles jueves viernes sábado domingo",
}
MONTHS = {
    "en": "January February March April May June July August September October November December",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre "
    "noviembre diciembre",
}
LONG_DAY = {
    "en": "{weekday}, {month} {day}, {year}",
    "es": "{weekday} {day} de {month} de {year}",
}
SHORT_DAY = {"en": "{weekday:.3}, {month:.3} {day}", "es": "{weekday:.3} {day} {month:.3}"}
MONTH_DAY = {"en": "{month} {day}", "es": "{day} de {month}"}
BRIEF_DAY = {"en": "{month:.3} {day}", "es": "{day} {month:.3}"}
PERCENT = {"en": "{}%", "es": "{}\N{NO-BREAK SPACE}%"}

DAY_ORDER = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
DAY_CODES = re.compile(r"\b(?:MO|TU|WE|TH|FR|SA|SU)(?:,(?:MO|TU|WE|TH|FR|SA|SU))*\b")

# Codes that the reports carry, by kind. A code not listed is shown as it is written.
CODES: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "en": {
        "domain": {
            "academics": "Academics",
            "social_emotional_behavioral": "Social-emotional",
            "health": "Health",
            "family": "Family",
        },
        "letter": {
            "academics": "A",
            "social_emotional_behavioral": "S",
            "health": "H",
            "family": "F",
        },
        "level": {
            "no_concern": "no concern",
            "mild": "mild",
            "moderate": "moderate",
            "severe": "severe",
            "not_known": "not known",
        },
        "state": {
            "new": "new",
            "draft": "draft",
            "requested": "requested",
            "accepted": "accepted",
            "in-progress": "in progress",
            "on-hold": "on hold",
            "rejected": "declined by provider",
            "completed": "completed",
            "failed": "not completed",
            "cancelled": "cancelled",
        },
        "consent": {
            "on_file": "consent on file",
            "to_ask": "consent to ask",
            "withdrawn": "consent withdrawn",
            "expired": "consent expired",
        },
        "band": {
            "satisfactory": "satisfactory",
            "at_risk": "at risk",
            "moderate": "moderate chronic absence",
            "severe": "severe chronic absence",
            "insufficient_days": "too few days to say",
            "not_known": "not known",
        },
        "feed_note": {
            "set_aside": "The newest delivery, of {day}, was set aside.",
            "no_attendance": "No attendance has come from this school this year.",
            "no_delivery": "No new delivery for some time.",
            "not_recent": "The school has not sent recent days.",
            "no_calendar": "Without a calendar, school days are those with attendance, and steps "
            "are due by weekdays.",
        },
        "feed": {
            "roster": "roster",
            "calendar": "calendar",
            "attendance": "attendance",
            "discipline": "discipline",
            "grades": "grades",
            "providers": "providers",
            "service_events": "services",
            "consents": "consents",
            "reviews": "reviews",
            "staff": "staff",
            "assessments": "assessments",
            "competencies": "competencies",
            "decisions": "returned lists",
            "health": "health",
            "inquiry_cycles": "inquiry cycles",
            "plans": "plans",
            "programs": "programs",
            "surveys": "surveys",
            "transcripts": "transcripts",
        },
        "season": {"fall": "fall", "spring": "spring"},
        "review": {
            "individual_review": "Individual student reviews",
            "plan_review": "Plans to look at again",
            "september": "Marked for September",
            "plan_missing": "Success plan missing",
            "adult_missing": "Caring adult missing",
            "adult_left": "Caring adult not at this school",
        },
        "verdict": {"pass": "current", "notice": "current, with notices", "hold": "held"},
        "night": {
            "pass": "shown",
            "notice": "shown, with notices",
            "lifted": "shown, a person lifted the hold",
            "hold": "held",
        },
        "kind": {"strength": "strength", "need": "need", "context": "context"},
        "comparison": {
            ">=": "at or above",
            ">": "above",
            "<=": "at or below",
            "<": "below",
            "=": "equal to",
        },
        "owner": {"site_coordinator": "site coordinator", "provider": "provider"},
        "part": {
            "level": "need",
            "tier": "tier",
            "age_days": "days open",
            "rule_id": "rule",
            "district_rank": "place in the district",
        },
        "today": {
            "overdue": "overdue",
            "new": "new",
            "changed": "changed",
            "good_news": "good news",
        },
        "decision": {
            "accept": "accept suggestion",
            "choose_another": "choose another",
            "not_now": "not now",
            "contact_tried": "contact tried",
            "family_declined": "family declined",
            "connected": "connected",
        },
        "reason": {
            "unable_to_contact": "family not reached",
            "no_capacity": "no place free",
            "schedule": "hours do not suit",
            "transport": "no way to get there",
            "cost": "too costly",
            "language": "language not spoken",
            "served_elsewhere": "served elsewhere",
            "need_met": "need is met",
            "child_declined": "child does not want",
            "other": "other",
        },
    },
    "es": {
        "domain": {
            "academics": "Académico",
            "social_emotional_behavioral": "Emocional y social",
            "health": "Salud",
            "family": "Familia",
        },
        "letter": {
            "academics": "A",
            "social_emotional_behavioral": "E",
            "health": "S",
            "family": "F",
        },
        "level": {
            "no_concern": "sin preocupación",
            "mild": "leve",
            "moderate": "moderado",
            "severe": "grave",
            "not_known": "no se sabe",
        },
        "state": {
            "new": "nueva",
            "draft": "borrador",
            "requested": "solicitada",
            "accepted": "aceptada",
            "in-progress": "en curso",
            "on-hold": "en pausa",
            "rejected": "rechazada por el proveedor",
            "completed": "terminada",
            "failed": "no terminada",
            "cancelled": "cancelada",
        },
        "consent": {
            "on_file": "consentimiento firmado",
            "to_ask": "consentimiento por pedir",
            "withdrawn": "consentimiento retirado",
            "expired": "consentimiento vencido",
        },
        "band": {
            "satisfactory": "satisfactoria",
            "at_risk": "en riesgo",
            "moderate": "ausentismo crónico moderado",
            "severe": "ausentismo crónico grave",
            "insufficient_days": "muy pocos días para decirlo",
            "not_known": "no se sabe",
        },
        "feed_note": {
            "set_aside": "La entrega más reciente, del {day}, se dejó aparte.",
            "no_attendance": "Esta escuela no ha enviado asistencia este año.",
            "no_delivery": "Hace tiempo que no llega una entrega nueva.",
            "not_recent": "La escuela no ha enviado los días recientes.",
            "no_calendar": "Sin calendario, los días de clase son los que tienen asistencia, y "
            "los pasos vencen por días laborables.",
        },
        "feed": {
            "roster": "matrícula",
            "calendar": "calendario",
            "attendance": "asistencia",
            "discipline": "disciplina",
            "grades": "calificaciones",
            "providers": "proveedores",
            "service_events": "servicios",
            "consents": "consentimientos",
            "reviews": "revisiones",
            "staff": "personal",
            "assessments": "evaluaciones",
            "competencies": "competencias",
            "decisions": "listas devueltas",
            "health": "salud",
            "inquiry_cycles": "ciclos de indagación",
            "plans": "planes de éxito",
            "programs": "programas",
            "surveys": "encuestas",
            "transcripts": "expedientes académicos",
        },
        "season": {"fall": "otoño", "spring": "primavera"},
        "review": {
            "individual_review": "Revisiones individuales",
            "plan_review": "Planes por revisar",
            "september": "Seguimiento en septiembre",
            "plan_missing": "Falta el plan de éxito",
            "adult_missing": "Falta la persona adulta de confianza",
            "adult_left": "La persona adulta no está en esta escuela",
        },
        "verdict": {"pass": "al día", "notice": "al día, con avisos", "hold": "retenida"},
        "night": {
            "pass": "mostrada",
            "notice": "mostrada, con avisos",
            "lifted": "mostrada, una persona levantó la retención",
            "hold": "retenida",
        },
        "kind": {"strength": "fortaleza", "need": "necesidad", "context": "contexto"},
        "comparison": {
            ">=": "igual o mayor que",
            ">": "mayor que",
            "<=": "igual o menor que",
            "<": "menor que",
            "=": "igual a",
        },
        "owner": {"site_coordinator": "coordinación de la escuela", "provider": "proveedor"},
        "part": {
            "level": "grado de preocupación",
            "tier": "nivel",
            "age_days": "días abierta",
            "rule_id": "regla",
            "district_rank": "lugar en el distrito",
        },
        "today": {
            "overdue": "vencido",
            "new": "nuevo",
            "changed": "cambios",
            "good_news": "buenas noticias",
        },
        "decision": {
            "accept": "aceptar la sugerencia",
            "choose_another": "elegir otro",
            "not_now": "ahora no",
            "contact_tried": "contacto intentado",
            "family_declined": "la familia no quiere",
            "connected": "conectado",
        },
        "reason": {
            "unable_to_contact": "familia no localizada",
            "no_capacity": "no hay cupo",
            "schedule": "el horario no conviene",
            "transport": "no hay transporte",
            "cost": "cuesta mucho",
            "language": "no se habla el idioma",
            "served_elsewhere": "ya recibe el servicio",
            "need_met": "ya no hace falta",
            "child_declined": "el estudiante no quiere",
            "other": "otro",
        },
    },
}

# A key that counts comes twice, `.one` and `.other`.
PHRASES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "{school}: list for {day}",
        "for_whom": "For the site coordinator",
        "list_for": "School day",
        "attendance_through": "attendance known through {day}",
        "release": "release {number}",
        "workbook": "Same list as a workbook",
        "skip": "Skip to the list",
        "on_this_page": "On this page",
        "today": "Today",
        "referrals": "Referrals",
        "students": "Students",
        "classes": "Class reviews",
        "freshness": "How fresh the data is",
        "freshness_troubled": "Data that is old or incomplete",
        "freshness_rest": "{current} of {all} sources of data are up to date",
        "feed_through": "through {day}",
        "feed_received": "received {day}",
        "feed_never": "never received",
        "feed_last_good": "last good {day}",
        "feed_old": "{feed} is old: last good {day}, {age} before this list.",
        "feed_missing": "{feed} was never received.",
        "not_dropped": "Nobody was dropped: what was known before still stands.",
        "hold_head": "This is the last good list, of {day}.",
        "hold_newer": "The list of {day} was held back, because:",
        "hold_why": "The newer list was held back, because:",
        "held_since": "Held back since the list of {day}.",
        "hold_who": "The district office has been told. Nobody was dropped: every child of the "
        "last good list is still here.",
        "notice_head": "Read this list with care.",
        "stale_head": "Some data is older than this list.",
        "finding_count": "{count} cases",
        "finding_count_of_district": "{count} cases in the district",
        "rule": "rule {rule}",
        "version": "v{version}",
        "today_new": "new since the last list",
        "today_overdue": "overdue",
        "today_changed": "changed",
        "today_good_news": "good news",
        "nothing": "Nothing today.",
        "none_before": "This is the first list: there is none to compare it with.",
        "and_more.one": "and {count} more",
        "and_more.other": "and {count} more",
        "queue_head": "Referrals, most urgent first",
        "queue_caption": "Open needs in the order in which they are to be looked at",
        "queue_none": "No open need today.",
        "churn": "Since the list before: {entered} came in, {gone} went off, {changed} changed, "
        "{moved} moved because others did, {same} stayed as they were.",
        "show": "Show",
        "show_all": "all",
        "show_overdue": "overdue",
        "show_new": "new",
        "show_consent": "consent to settle",
        "col_rank": "#",
        "col_student": "Student",
        "col_need": "Need and why",
        "col_services": "Services that fit",
        "col_state": "Consent and state",
        "col_next": "Next step",
        "col_strengths": "Strengths",
        "col_domains": "Four domains",
        "col_attendance": "Attendance by week",
        "col_tier": "Tier",
        "col_support": "Services",
        "grade": "grade {grade}",
        "grade_head": "Grade",
        "data_through": "{feed} through {day}",
        "data_as_of": "{feed} {day}",
        "no_service": "No service on file fits yet",
        "places.one": "{count} place",
        "places.other": "{count} places",
        "places_free": "places free",
        "places_waitlist": "waiting list",
        "places_full": "full",
        "places_unknown": "places not known",
        "fit_answers": "answers: {needs}",
        "fit_ages": "for ages {first} to {last}",
        "fit_ages_from": "from age {first}",
        "fit_ages_to": "up to age {last}",
        "fit_ages_any": "any age",
        "fit_ages_unknown": "age of the child is not known, ask",
        "fit_place": "places free: {count}, this child is no. {line}",
        "fit_free": "places free: {count}",
        "fit_first": "next on the waiting list of {waiting}",
        "fit_line": "waiting list, no. {line} of {waiting}",
        "fit_waitlist": "waiting list",
        "fit_unknown": "places not known, ask",
        "fit_interest": "builds on a strength",
        "fit_at_school": "at the school",
        "fit_distance": "{distance} km",
        "fit_languages": "speaks {languages}",
        "fit_access": "ask about access: {access}",
        "fit_cost": "costs: {cost}",
        "fit_documents": "asks for: {documents}",
        "in_state.one": "for {count} day",
        "in_state.other": "for {count} days",
        "open_for.one": "open for {count} day",
        "open_for.other": "open for {count} days",
        "due_today": "today",
        "due_tomorrow": "tomorrow",
        "due_in.one": "in {count} day",
        "due_in.other": "in {count} days",
        "due_late.one": "{count} day overdue",
        "due_late.other": "{count} days overdue",
        "due_none": "no date",
        "days.one": "{count} day",
        "days.other": "{count} days",
        "owner": "with {owner}",
        "new": "new",
        "need_of": "need {number} of {count}",
        "order_head": "How this order is made",
        "order_text": "First how serious the need is; then the tier, 3 before 1; then how long "
        "the need has been open. Ties go by rule and student number, so the same night gives the "
        "same order. The place is a proposal for your day, not a judgement of a child: each "
        "student's own page says what put the need where it stands.",
        "order_parts": "because",
        "students_head": "Every student, strengths first",
        "students_caption": "All students of the school by family name",
        "find": "Find a student",
        "find_letter": "By family name",
        "find_grade": "Show grade",
        "find_class": "By class",
        "find_hint": "A name opens the student's own page.",
        "strength_none": "none written down yet",
        "legend": "A academics, S social-emotional, H health, F family. The fuller the square, "
        "the greater the concern: empty is none, a third mild, two thirds moderate, full "
        "severe; dashed is not known. The dashed line is {mark} attendance.",
        "absent_of": "absent {absent} of {enrolled}",
        "rate_missed": "{rate} missed",
        "too_few": "too few days to say",
        "no_attendance": "no attendance on file",
        "week_words": "Attendance by week in percent: {weeks}",
        "week_none": "no days",
        "week_of": "Week of {day}",
        "tier_none": "not decided",
        "tier_decided": "Decided tier",
        "tier_decided_short": "decided",
        "tier_by": "by {who}",
        "tier_ask": "suggested {tier}: why?",
        "tier_ask_more": "suggested {tier}, more support: why?",
        "tier_ask_less": "suggested {tier}, less support: why?",
        "tier_last_year": "last year {tier}",
        "tier_agrees": "suggestion agrees",
        "tier_question": "Would tier {tier} fit? The rules suggest it because:",
        "tier_yours": "The decision is yours; the suggestion never changes it.",
        "support_active.one": "{count} service",
        "support_active.other": "{count} services",
        "support_waiting.one": "{count} waiting",
        "support_waiting.other": "{count} waiting",
        "support_none": "none yet",
        "needs_open.one": "{count} open need",
        "needs_open.other": "{count} open needs",
        "question_tag": "same child?",
        "question_text": "The school's system now gives this student's number with another name "
        "and birth date, so this looks like another child. What was recorded under the number "
        "before is not shown. Ask the data office, which waits for somebody who knows the child "
        "to say whether it is the same one.",
        "held_tag": "earlier record",
        "held_text": "A newer record of this student could not be read, so the earlier one is "
        "shown. The sender has been asked for it.",
        "profiles_head": "A page for each student",
        "profiles_text": "A student's name opens that student's page. Printed from there, it is "
        "one page for a meeting, with room to write.",
        "profiles_all": "Show every student's page, to print them all",
        "back": "Back to the list",
        "following": "Next",
        "child_tools": "From this page",
        "student_number": "student number {number}",
        "homeroom": "homeroom {homeroom}",
        "age.one": "{count} year old",
        "age.other": "{count} years old",
        "home_language": "home language {language}",
        "band": "attendance: {band}",
        "usual_owner": "Next steps are with {owner} where no other name stands.",
        "open_new": "opened today",
        "open_unknown": "open",
        "child_profile": "Strengths and needs",
        "child_strengths": "Strengths",
        "child_needs": "Needs and next steps",
        "child_context": "Also known",
        "child_next": "Needs and services",
        "child_history": "History",
        "child_no_needs": "No open need.",
        "child_none": "none on file",
        "in_queue": "referral {rank}",
        "history_opened": "Need opened: {domain}, rule {rule}",
        "history_tier": "Tier {tier} decided",
        "history_review": "Whole class review, {season}",
        "notes_head": "Notes for the meeting",
        "notes_who": "Who",
        "notes_what": "What we will do",
        "notes_when": "By when",
        "classes_head": "Whole class reviews",
        "classes_season": "Whole class reviews, {season}",
        "classes_none": "No class has been set up for review.",
        "class_done": "{done} of {all} reviewed",
        "class_to_do": "to review",
        "class_reviewed": "reviewed",
        "reviews": "Reviews due",
        "reviews_head": "Reviews and plans that fall due",
        "reviews_none": "No review or plan falls due.",
        "reviews_later.one": "{count} more, not yet due",
        "reviews_later.other": "{count} more, not yet due",
        "footer": "Made by Wraparound from release {number}. This page holds personal records of "
        "students: keep it as you would keep a paper file, and delete copies you no longer need.",
        "index_title": "Schools: lists of the night",
        "index_head": "Lists of the night, by school",
        "index_caption": "Each school with what the checks said of its list",
        "index_school": "School",
        "index_verdict": "List",
        "index_day": "School day",
        "index_release": "Release",
        "index_students": "Students",
        "index_referrals": "Open needs",
        "index_new": "New",
        "index_overdue": "Overdue",
        "index_reviewed": "Reviewed",
        "index_notes": "Remarks",
        "index_stale": "old: {feeds}",
        "index_summary.one": "{count} school",
        "index_summary.other": "{count} schools",
        "index_held.one": "{count} held",
        "index_held.other": "{count} held",
        "index_noticed.one": "{count} with notices",
        "index_noticed.other": "{count} with notices",
        "index_current.one": "{count} current",
        "index_current.other": "{count} current",
        "index_no_list": "no list yet: the first one was held back",
        "index_none": "No school has a list yet.",
        "index_nights": "Night by night",
        "nights_title": "Schools: verdicts by night",
        "nights_head": "What the checks said, night by night",
        "nights_caption": "Each school with the verdict on its list in each of the last nights",
        "nights_absent": "no list",
        "nights_note": "Each column is a school day with its release. A held school keeps its "
        "last good list; nobody is dropped.",
        "nights_found": "What was found",
        "nights_none": "Nothing was found in these nights.",
        "severity_hold": "holds the list",
        "severity_notice": "told as a notice",
        "index_note": "Counts only; no student is named here. A held school keeps its last good "
        "list until its data can be believed again.",
        "fewer_than": "fewer than {count}",
        "sheet_today": "Today",
        "sheet_referrals": "Referrals",
        "sheet_students": "Students",
        "sheet_needs": "Needs",
        "sheet_classes": "Classes",
        "sheet_reviews": "Reviews due",
        "sheet_about": "About",
        "x_kind": "Kind",
        "x_student": "Student",
        "x_number": "Student number",
        "x_what": "What",
        "x_date": "Date",
        "x_place": "Place",
        "x_grade": "Grade",
        "x_domain": "Domain",
        "x_level": "Level",
        "x_need": "Need and why",
        "x_services": "Services that fit",
        "x_consent": "Consent",
        "x_state": "State",
        "x_days_in_state": "Days in state",
        "x_next": "Next step",
        "x_due": "Due",
        "x_counted": "Counted from",
        "x_overdue": "Overdue",
        "x_new": "New",
        "x_owner": "Owner",
        "x_opened": "Opened",
        "x_age": "Days open",
        "x_source": "Source",
        "x_through": "Data through",
        "x_rule": "Rule",
        "x_version": "Version",
        "x_order": "What made the order",
        "x_notes": "Notes",
        "x_decided": "Decided so far",
        "decided_counts": "{day}, {who}: {what}",
        "decided_repeated": "{day}, {who}: {what}, as somebody else had",
        "decided_overruled": "{day}, {who}: {what}. Not counted: overruled on the same day.",
        "decided_stale": "{day}, {who}: {what}. Not counted: after the list of {of}, which it was "
        "decided on, something had happened.",
        "x_decision": "Decision",
        "x_service": "Service chosen",
        "x_reason": "Reason",
        "x_decided_on": "Day decided",
        "x_decided_by": "Initials",
        "x_homeroom": "Homeroom",
        "x_language": "Home language",
        "x_strengths": "Strengths",
        "x_absent": "Days absent",
        "x_enrolled": "Days enrolled",
        "x_missed": "Share missed",
        "x_band": "Attendance",
        "x_tier": "Decided tier",
        "x_tier_on": "Decided on",
        "x_tier_by": "Decided by",
        "x_suggested": "Suggested tier",
        "x_reasons": "Why suggested",
        "x_active": "Services active",
        "x_waiting": "Services waiting",
        "x_open": "Open needs",
        "x_held": "Earlier record",
        "x_sentence": "In words",
        "x_value": "Value",
        "x_comparison": "Compared",
        "x_threshold": "Limit",
        "x_class": "Class",
        "x_teacher": "Teacher",
        "x_season": "Review",
        "x_reviewed": "Reviewed",
        "x_reviewed_on": "Reviewed on",
        "x_yes": "yes",
        "x_no": "no",
        "x_topic": "About this workbook",
        "x_says": "What it says",
        "a_school": "School",
        "a_day": "School day",
        "a_release": "Release",
        "a_verdict": "Checks",
        "a_finding": "Remark",
        "a_feed": "Data: {feed}",
        "a_stale": "old",
        "a_read": "How to read it",
        "a_read_today": "Start with the sheet Today: what is new, overdue or changed, and good "
        "news.",
        "a_read_referrals": "Referrals holds every open need in order, with services that fit, "
        "consent and the next step.",
        "a_read_students": "Students and Needs hold every student: strengths first, then needs, "
        "each with the rule, the number and the date behind it.",
        "a_read_tier": "The decided tier is a person's decision. The suggested tier is a question "
        "to you, with its reasons.",
        "a_read_decide": "In Referrals the columns from Decision on are yours: choose a decision, "
        "write the day and your initials, save, and send the workbook back. Nothing else in it is "
        "read; notes stay with you.",
        "a_private": "This workbook holds personal records of students: keep it as you would keep "
        "a paper file, and delete copies you no longer need.",
    },
    "es": {
        "title": "{school}: lista del {day}",
        "for_whom": "Para la coordinación de la escuela",
        "list_for": "Día escolar",
        "attendance_through": "asistencia conocida hasta el {day}",
        "release": "entrega {number}",
        "workbook": "La misma lista como libro de cálculo",
        "skip": "Ir a la lista",
        "on_this_page": "En esta página",
        "today": "Hoy",
        "referrals": "Derivaciones",
        "students": "Estudiantes",
        "classes": "Revisiones por clase",
        "freshness": "Qué tan recientes son los datos",
        "freshness_troubled": "Datos atrasados o incompletos",
        "freshness_rest": "{current} de {all} fuentes de datos al día",
        "feed_through": "hasta el {day}",
        "feed_received": "recibido el {day}",
        "feed_never": "nunca recibido",
        "feed_last_good": "último bueno: {day}",
        "feed_old": "Datos atrasados ({feed}): último bueno, {day}, {age} antes de esta lista.",
        "feed_missing": "Datos nunca recibidos: {feed}.",
        "not_dropped": "No se quitó a nadie: lo que ya se sabía sigue vigente.",
        "hold_head": "Esta es la última lista buena, del {day}.",
        "hold_newer": "La lista del {day} fue retenida, porque:",
        "hold_why": "La lista más nueva fue retenida, porque:",
        "held_since": "Retenida desde la lista del {day}.",
        "hold_who": "La oficina del distrito ya fue avisada. No se quitó a nadie: todos los "
        "estudiantes de la última lista buena siguen aquí.",
        "notice_head": "Lea esta lista con cuidado.",
        "stale_head": "Algunos datos son más antiguos que esta lista.",
        "finding_count": "{count} casos",
        "finding_count_of_district": "{count} casos en el distrito",
        "rule": "regla {rule}",
        "version": "v{version}",
        "today_new": "novedades desde la última lista",
        "today_overdue": "con retraso",
        "today_changed": "cambios",
        "today_good_news": "buenas noticias",
        "nothing": "Nada hoy.",
        "none_before": "Esta es la primera lista: no hay otra con la que compararla.",
        "and_more.one": "y {count} más",
        "and_more.other": "y {count} más",
        "queue_head": "Derivaciones, lo más urgente primero",
        "queue_caption": "Necesidades abiertas en el orden en que conviene atenderlas",
        "queue_none": "No hay necesidades abiertas hoy.",
        "churn": "Desde la lista anterior: {entered} nuevas, {gone} ya no figuran, {changed} "
        "cambiaron, {moved} se movieron por otras, {same} siguen igual.",
        "show": "Mostrar",
        "show_all": "todo",
        "show_overdue": "con retraso",
        "show_new": "nuevas",
        "show_consent": "consentimiento por resolver",
        "col_rank": "#",
        "col_student": "Estudiante",
        "col_need": "Necesidad y por qué",
        "col_services": "Servicios adecuados",
        "col_state": "Consentimiento y estado",
        "col_next": "Próximo paso",
        "col_strengths": "Fortalezas",
        "col_domains": "Cuatro áreas",
        "col_attendance": "Asistencia por semana",
        "col_tier": "Nivel",
        "col_support": "Servicios",
        "grade": "grado {grade}",
        "grade_head": "Grado",
        "data_through": "{feed} hasta el {day}",
        "data_as_of": "{feed} {day}",
        "no_service": "Aún no hay un servicio adecuado registrado",
        "places.one": "{count} lugar",
        "places.other": "{count} lugares",
        "places_free": "hay lugares",
        "places_waitlist": "lista de espera",
        "places_full": "lleno",
        "places_unknown": "lugares no conocidos",
        "fit_answers": "atiende: {needs}",
        "fit_ages": "de {first} a {last} años",
        "fit_ages_from": "desde los {first} años",
        "fit_ages_to": "hasta los {last} años",
        "fit_ages_any": "cualquier edad",
        "fit_ages_unknown": "no se sabe la edad, pregunte",
        "fit_place": "lugares libres: {count}, turno {line}",
        "fit_free": "lugares libres: {count}",
        "fit_first": "siguiente en la lista de espera de {waiting}",
        "fit_line": "lista de espera, turno {line} de {waiting}",
        "fit_waitlist": "lista de espera",
        "fit_unknown": "no se sabe si hay lugares, pregunte",
        "fit_interest": "aprovecha una fortaleza",
        "fit_at_school": "en la escuela",
        "fit_distance": "{distance} km",
        "fit_languages": "idiomas: {languages}",
        "fit_access": "pregunte por: {access}",
        "fit_cost": "costo: {cost}",
        "fit_documents": "pide: {documents}",
        "in_state.one": "desde hace {count} día",
        "in_state.other": "desde hace {count} días",
        "open_for.one": "abierta hace {count} día",
        "open_for.other": "abierta hace {count} días",
        "due_today": "hoy",
        "due_tomorrow": "mañana",
        "due_in.one": "en {count} día",
        "due_in.other": "en {count} días",
        "due_late.one": "{count} día de retraso",
        "due_late.other": "{count} días de retraso",
        "due_none": "sin fecha",
        "days.one": "{count} día",
        "days.other": "{count} días",
        "owner": "a cargo de {owner}",
        "new": "nueva",
        "need_of": "necesidad {number} de {count}",
        "order_head": "Cómo se forma este orden",
        "order_text": "Primero, qué tan seria es la necesidad; luego el nivel, 3 antes que 1; "
        "luego cuánto lleva abierta. Los empates siguen la regla y el número de estudiante, así "
        "que la misma noche da el mismo orden. El lugar es una propuesta para su día, no un "
        "juicio sobre un estudiante: la página de cada estudiante dice qué puso ahí la necesidad.",
        "order_parts": "porque",
        "students_head": "Todos los estudiantes, primero las fortalezas",
        "students_caption": "Todos los estudiantes de la escuela por apellido",
        "find": "Buscar a un estudiante",
        "find_letter": "Por apellido",
        "find_grade": "Mostrar grado",
        "find_class": "Por clase",
        "find_hint": "El nombre abre la página del estudiante.",
        "strength_none": "aún no hay nada escrito",
        "legend": "A académico, E emocional y social, S salud, F familia. Cuanto más lleno el "
        "cuadro, mayor la preocupación: vacío, ninguna; un tercio, leve; dos tercios, moderada; "
        "lleno, grave; con borde de rayas, no se sabe. La línea de rayas marca {mark} de "
        "asistencia.",
        "absent_of": "faltó {absent} de {enrolled}",
        "rate_missed": "faltó {rate}",
        "too_few": "muy pocos días para decirlo",
        "no_attendance": "sin asistencia registrada",
        "week_words": "Asistencia por semana en porcentaje: {weeks}",
        "week_none": "sin días",
        "week_of": "Semana del {day}",
        "tier_none": "sin decidir",
        "tier_decided": "Nivel decidido",
        "tier_decided_short": "decidido",
        "tier_by": "por {who}",
        "tier_ask": "se sugiere {tier}: ¿por qué?",
        "tier_ask_more": "se sugiere {tier}, más apoyo: ¿por qué?",
        "tier_ask_less": "se sugiere {tier}, menos apoyo: ¿por qué?",
        "tier_last_year": "el año pasado {tier}",
        "tier_agrees": "la sugerencia coincide",
        "tier_question": "¿Convendría el nivel {tier}? Las reglas lo sugieren porque:",
        "tier_yours": "La decisión es suya; la sugerencia nunca la cambia.",
        "support_active.one": "{count} servicio",
        "support_active.other": "{count} servicios",
        "support_waiting.one": "{count} en espera",
        "support_waiting.other": "{count} en espera",
        "support_none": "ninguno aún",
        "needs_open.one": "{count} necesidad abierta",
        "needs_open.other": "{count} necesidades abiertas",
        "question_tag": "¿la misma persona?",
        "question_text": "El sistema escolar da ahora el número de este estudiante con otro "
        "nombre y otra fecha de nacimiento, así que parece ser de otra persona. Lo registrado "
        "antes con ese número no se muestra. Pregunte a la oficina de datos, que espera a que "
        "alguien que la conozca diga si es la misma.",
        "held_tag": "registro anterior",
        "held_text": "No se pudo leer un registro más nuevo de este estudiante, así que se "
        "muestra el anterior. Ya se pidió de nuevo.",
        "profiles_head": "Una página por estudiante",
        "profiles_text": "El nombre de un estudiante abre su página. Impresa desde allí, es una "
        "hoja para una reunión, con espacio para escribir.",
        "profiles_all": "Mostrar la página de cada estudiante, para imprimirlas todas",
        "back": "Volver a la lista",
        "following": "Siguiente",
        "child_tools": "Desde esta página",
        "student_number": "número de estudiante {number}",
        "homeroom": "salón {homeroom}",
        "age.one": "{count} año",
        "age.other": "{count} años",
        "home_language": "idioma del hogar {language}",
        "band": "asistencia: {band}",
        "usual_owner": "Los próximos pasos son de {owner} donde no hay otro nombre.",
        "open_new": "abierta hoy",
        "open_unknown": "abierta",
        "child_profile": "Fortalezas y necesidades",
        "child_strengths": "Fortalezas",
        "child_needs": "Necesidades y próximos pasos",
        "child_context": "También se sabe",
        "child_next": "Necesidades y servicios",
        "child_history": "Historia",
        "child_no_needs": "Ninguna necesidad abierta.",
        "child_none": "nada registrado",
        "in_queue": "derivación {rank}",
        "history_opened": "Necesidad abierta: {domain}, regla {rule}",
        "history_tier": "Nivel {tier} decidido",
        "history_review": "Revisión de la clase, {season}",
        "notes_head": "Notas para la reunión",
        "notes_who": "Quién",
        "notes_what": "Qué haremos",
        "notes_when": "Para cuándo",
        "classes_head": "Revisiones por clase",
        "classes_season": "Revisiones por clase, {season}",
        "classes_none": "Ninguna clase está preparada para la revisión.",
        "class_done": "{done} de {all} revisados",
        "class_to_do": "por revisar",
        "class_reviewed": "revisados",
        "reviews": "Por revisar",
        "reviews_head": "Revisiones y planes con fecha",
        "reviews_none": "Ninguna revisión ni plan tiene fecha.",
        "reviews_later.one": "{count} más, todavía sin vencer",
        "reviews_later.other": "{count} más, todavía sin vencer",
        "footer": "Hecho por Wraparound a partir de la entrega {number}. Esta página contiene "
        "datos personales de estudiantes: guárdela como un expediente en papel y borre las "
        "copias que ya no necesite.",
        "index_title": "Escuelas: listas de la noche",
        "index_head": "Listas de la noche, por escuela",
        "index_caption": "Cada escuela con lo que dijeron las comprobaciones de su lista",
        "index_school": "Escuela",
        "index_verdict": "Lista",
        "index_day": "Día escolar",
        "index_release": "Entrega",
        "index_students": "Estudiantes",
        "index_referrals": "Necesidades abiertas",
        "index_new": "Nuevas",
        "index_overdue": "Vencidas",
        "index_reviewed": "Revisados",
        "index_notes": "Observaciones",
        "index_stale": "atrasado: {feeds}",
        "index_summary.one": "{count} escuela",
        "index_summary.other": "{count} escuelas",
        "index_held.one": "{count} retenida",
        "index_held.other": "{count} retenidas",
        "index_noticed.one": "{count} con avisos",
        "index_noticed.other": "{count} con avisos",
        "index_current.one": "{count} al día",
        "index_current.other": "{count} al día",
        "index_no_list": "aún sin lista: la primera fue retenida",
        "index_none": "Aún no hay listas.",
        "index_nights": "Noche por noche",
        "nights_title": "Escuelas: dictámenes por noche",
        "nights_head": "Qué dijeron las comprobaciones, noche por noche",
        "nights_caption": "Cada escuela con el dictamen de su lista en cada una de las últimas "
        "noches",
        "nights_absent": "sin lista",
        "nights_note": "Cada columna es un día escolar con su entrega. Una escuela retenida "
        "conserva su última lista buena; no se quita a nadie.",
        "nights_found": "Qué se encontró",
        "nights_none": "No se encontró nada en estas noches.",
        "severity_hold": "retiene la lista",
        "severity_notice": "se dice como aviso",
        "index_note": "Solo cuentas; aquí no se nombra a ningún estudiante. Una escuela retenida "
        "conserva su última lista buena hasta que sus datos vuelvan a ser creíbles.",
        "fewer_than": "menos de {count}",
        "sheet_today": "Hoy",
        "sheet_referrals": "Derivaciones",
        "sheet_students": "Estudiantes",
        "sheet_needs": "Necesidades",
        "sheet_classes": "Clases",
        "sheet_reviews": "Por revisar",
        "sheet_about": "Acerca de",
        "x_kind": "Tipo",
        "x_student": "Estudiante",
        "x_number": "Número de estudiante",
        "x_what": "Qué",
        "x_date": "Fecha",
        "x_place": "Lugar",
        "x_grade": "Grado",
        "x_domain": "Área",
        "x_level": "Grado de preocupación",
        "x_need": "Necesidad y por qué",
        "x_services": "Servicios adecuados",
        "x_consent": "Consentimiento",
        "x_state": "Estado",
        "x_days_in_state": "Días en el estado",
        "x_next": "Próximo paso",
        "x_due": "Para el",
        "x_counted": "Contado desde",
        "x_overdue": "Vencido",
        "x_new": "Nuevo",
        "x_owner": "A cargo de",
        "x_opened": "Abierta el",
        "x_age": "Días abierta",
        "x_source": "Fuente",
        "x_through": "Datos hasta",
        "x_rule": "Regla",
        "x_version": "Versión",
        "x_order": "Qué formó el orden",
        "x_notes": "Notas",
        "x_decided": "Decidido hasta ahora",
        "decided_counts": "{day}, {who}: {what}",
        "decided_repeated": "{day}, {who}: {what}, como otra persona",
        "decided_overruled": "{day}, {who}: {what}. No cuenta: otra decisión del mismo día "
        "prevalece.",
        "decided_stale": "{day}, {who}: {what}. No cuenta: después de la lista del {of}, sobre la "
        "que se decidió, había pasado algo.",
        "x_decision": "Decisión",
        "x_service": "Servicio elegido",
        "x_reason": "Motivo",
        "x_decided_on": "Día de la decisión",
        "x_decided_by": "Iniciales",
        "x_homeroom": "Salón",
        "x_language": "Idioma del hogar",
        "x_strengths": "Fortalezas",
        "x_absent": "Días de ausencia",
        "x_enrolled": "Días de inscripción",
        "x_missed": "Parte perdida",
        "x_band": "Asistencia",
        "x_tier": "Nivel decidido",
        "x_tier_on": "Decidido el",
        "x_tier_by": "Decidido por",
        "x_suggested": "Nivel sugerido",
        "x_reasons": "Por qué se sugiere",
        "x_active": "Servicios activos",
        "x_waiting": "Servicios en espera",
        "x_open": "Necesidades abiertas",
        "x_held": "Registro anterior",
        "x_sentence": "En palabras",
        "x_value": "Valor",
        "x_comparison": "Comparado",
        "x_threshold": "Límite",
        "x_class": "Clase",
        "x_teacher": "Docente",
        "x_season": "Revisión",
        "x_reviewed": "Revisado",
        "x_reviewed_on": "Revisado el",
        "x_yes": "sí",
        "x_no": "no",
        "x_topic": "Sobre este libro",
        "x_says": "Qué dice",
        "a_school": "Escuela",
        "a_day": "Día escolar",
        "a_release": "Entrega",
        "a_verdict": "Comprobaciones",
        "a_finding": "Observación",
        "a_feed": "Datos: {feed}",
        "a_stale": "atrasado",
        "a_read": "Cómo leerlo",
        "a_read_today": "Empiece por la hoja Hoy: lo nuevo, lo vencido, los cambios y las buenas "
        "noticias.",
        "a_read_referrals": "Derivaciones contiene cada necesidad abierta en orden, con servicios "
        "adecuados, consentimiento y próximo paso.",
        "a_read_students": "Estudiantes y Necesidades contienen a cada estudiante: primero las "
        "fortalezas, luego las necesidades, cada una con su regla, su número y su fecha.",
        "a_read_tier": "El nivel decidido es decisión de una persona. El nivel sugerido es una "
        "pregunta para usted, con sus razones.",
        "a_read_decide": "En Derivaciones, las columnas desde Decisión son suyas: elija una "
        "decisión, escriba el día y sus iniciales, guarde y devuelva el libro. Nada más de él se "
        "lee; las notas se quedan con usted.",
        "a_private": "Este libro contiene datos personales de estudiantes: guárdelo como un "
        "expediente en papel y borre las copias que ya no necesite.",
    },
}


# There is one of each language: what was said in it is found again by which one it is.
@dataclass(frozen=True, eq=False)
class Words:
    """One language: phrases by key, counts, days, codes and numbers in words."""

    language: str

    def __call__(self, key: str, **values: object) -> str:
        """Say the phrase `key`; a missing key is a KeyError, as early as possible."""
        phrase = PHRASES[self.language][key]
        return phrase.format(**values) if values else phrase

    def count(self, key: str, number: int) -> str:
        """Say `key` for a number of things, singular or plural."""
        return self(f"{key}.one" if number == 1 else f"{key}.other", count=number)

    def code(self, kind: str, code: str | None) -> str:
        """Say a code of the reports; an unknown one is shown as written, without underscores."""
        if not code:
            return ""
        return CODES[self.language][kind].get(code) or code.replace("_", " ")

    def day(self, day: date) -> str:
        """Say a day in full, with weekday and year."""
        return _spoken(self.language, day, LONG_DAY[self.language])

    def short_day(self, day: date) -> str:
        """Say a day of these weeks: weekday, month and day, shortened."""
        return _spoken(self.language, day, SHORT_DAY[self.language])

    def brief_day(self, day: date) -> str:
        """Say a day of this school year where the weekday says nothing."""
        return _spoken(self.language, day, BRIEF_DAY[self.language])

    def month_day(self, day: date) -> str:
        """Say a day inside a sentence, where the year is plain."""
        return _spoken(self.language, day, MONTH_DAY[self.language])

    def due(self, due: date | None, *, as_of: date) -> str:
        """Say how far a due date is from the list's day, in words."""
        if due is None:
            return self("due_none")
        days = (due - as_of).days
        if days < 0:
            return self.count("due_late", -days)
        near = {0: "due_today", 1: "due_tomorrow"}
        return self(near[days]) if days in near else self.count("due_in", days)

    def percent(self, share: float, *, digits: int = 0) -> str:
        """Say a share of 1 in percent, rounded half up as the sentences of the rules are."""
        step = Decimal(1).scaleb(-digits)
        rounded = (Decimal(str(share)) * 100).quantize(step, rounding=ROUND_HALF_UP)
        return PERCENT[self.language].format(rounded)

    def grade(self, grade: str | None) -> str:
        """Say a grade code of the roster (KG, 01 to 12) as a school says it."""
        return self("grade", grade=short_grade(grade)) if grade else ""

    def places(self, state: str, free: int | None) -> str:
        """Say whether a service has room."""
        if state == "free" and free:
            return self.count("places", free)
        known = state in ("free", "waitlist", "full")
        return self(f"places_{state}" if known else "places_unknown")

    def fit(self, service: "Service") -> str:
        """Say why a service fits and what to know of it; a list from before says it itself."""
        return _fit(self, service)

    def schedule(self, schedule: str) -> str:
        """Say a schedule with its days in words: 'MO,WE 07:30' becomes 'Mon, Wed 07:30'."""
        return _scheduled(self.language, schedule)

    def priority(self, parts: Iterable[tuple[str, str]], *, leave_out: frozenset[str]) -> str:
        """Say the parts of a place in the queue: the known ones first, in their order."""
        place = _places(self.language)
        parts = [part for part in parts if part[0] not in leave_out]
        known = sorted(parts, key=lambda part: place.get(part[0], len(place)))
        told = (f"{self.code('part', name)} {self.code('level', value)}" for name, value in known)
        return ", ".join(each.strip() for each in told)

    def freshness(self, through: date | None, loaded: date | None, *, is_stale: bool) -> str:
        """Say how far a feed reaches: through a day, received on a day, old, or never."""
        last = through or loaded
        if last is None:
            return self("feed_never")
        key = "feed_last_good" if is_stale else "feed_through" if through else "feed_received"
        return self(key, day=self.short_day(last))

    def feed_note(self, note: str, day: date | None) -> str:
        """Say what is to be known of a feed; an unknown note is said as it is written."""
        said = self.code("feed_note", note)
        return said.replace("{day}", self.short_day(day)) if day else said

    def decided(self, decision: "Decision") -> str:
        """Say who decided what and when, and why it does not count where it does not."""
        what = self.code("decision", decision.decision)
        if decision.reason:
            what = f"{what} ({self.code('reason', decision.reason)})"
        return self(
            f"decided_{decision.outcome}",
            day=self.brief_day(decision.decided_on) if decision.decided_on else "",
            who=decision.decided_by,
            what=what,
            of=self.brief_day(decision.list_of) if decision.list_of else "",
        )

    def yes_no(self, value: bool) -> str:
        """Say a flag."""
        return self("x_yes") if value else self("x_no")


# Letters with a stroke are no letter and a mark: they stand with the plain one.
STROKES = str.maketrans("đðħıłøŧ", "ddhilot")


def folded(name: str) -> str:
    """Fold a name for ordering: without accents, strokes or case, so that Ñ stands with N."""
    apart = unicodedata.normalize("NFD", name)
    plain = "".join(each for each in apart if not unicodedata.combining(each))
    return plain.casefold().translate(STROKES)


def short_grade(grade: str | None) -> str:
    """Shorten a grade code: '03' becomes '3', 'KG' becomes 'K'."""
    code = grade or ""
    return "K" if code == "KG" else code.lstrip("0") or code


@lru_cache(maxsize=2**12)
def number_text(value: float | str | None) -> str:
    """Write a number with at most four digits after the point; text stays, None is empty.

    Digits are cut off, not rounded, so that no value seems to reach a limit it is below.
    """
    if value is None or isinstance(value, str):
        return value or ""
    # The small part undoes binary fractions such as 0.29 * 10000 = 2899.9999999999995.
    cut = math.floor(value * 10_000 + 1e-6) / 10_000
    return f"{cut:.4f}".rstrip("0").rstrip(".")


@cache
def _places(language: str) -> dict[str, int]:
    """The known parts of a place in the queue, numbered in their order."""
    return {part: number for number, part in enumerate(CODES[language]["part"])}


@cache
def _spoken(language: str, day: date, pattern: str) -> str:
    return pattern.format(
        weekday=WEEKDAYS[language].split()[day.weekday()],
        month=MONTHS[language].split()[day.month - 1],
        day=day.day,
        year=day.year,
    )


@lru_cache(maxsize=2**12)
def _fit(words: Words, service: "Service") -> str:
    if service.reason is not None:
        return service.reason
    told = (
        service.category,
        service.answers and words("fit_answers", needs=service.answers),
        _ages(words, service),
        _line(words, service),
        words("fit_interest") if service.is_interest else None,
        _way(words, service),
        service.languages and words("fit_languages", languages=service.languages),
        service.access and words("fit_access", access=service.access),
        words("fit_cost", cost=service.cost) if service.is_free is False else None,
        service.documents and words("fit_documents", documents=service.documents),
    )
    return "; ".join(part for part in told if part)


def _ages(words: Words, service: "Service") -> str:
    first, last = number_text(service.minimum_age), number_text(service.maximum_age)
    if not first and not last:
        return words("fit_ages_any")
    if not service.is_age_known:
        return words("fit_ages_unknown")
    if first and last:
        return words("fit_ages", first=first, last=last)
    return words("fit_ages_from", first=first) if first else words("fit_ages_to", last=last)


def _line(words: Words, service: "Service") -> str:
    """Say what places there are, and where the child stands among those who ask for them."""
    free, line, waiting = service.places_free, service.line_number, service.waiting_count
    if service.capacity_state == "free":
        key = "fit_free" if line is None else "fit_place"
        return words(key, count=free, line=line)
    if service.capacity_state != "waitlist":
        return words("fit_unknown")
    if line is None:
        return words("fit_waitlist")
    return words("fit_first" if line == 1 else "fit_line", line=line, waiting=waiting)


def _way(words: Words, service: "Service") -> str | None:
    if service.distance_km is None:
        return service.area
    if service.distance_km == 0:
        return words("fit_at_school")
    return words("fit_distance", distance=number_text(service.distance_km))


@lru_cache(maxsize=2**12)
def _scheduled(language: str, schedule: str) -> str:
    return DAY_CODES.sub(lambda found: _weekdays(language, found[0].split(",")), schedule)


def _weekdays(language: str, codes: list[str]) -> str:
    places = [DAY_ORDER.index(code) for code in codes]
    names = [WEEKDAYS[language].split()[place][:3] for place in places]
    in_a_row = places == list(range(places[0], places[0] + len(places)))
    if in_a_row and len(places) > 2:
        return f"{names[0]}\N{EN DASH}{names[-1]}"
    return ", ".join(names)


@cache
def words_in(language: str) -> Words:
    """Return the words of a language; an unknown one speaks English."""
    return Words(language if language in PHRASES else DEFAULT_LANGUAGE)
